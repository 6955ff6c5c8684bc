"""Speed, as ratios against limits and baselines measured in the same run; asserts nothing."""
