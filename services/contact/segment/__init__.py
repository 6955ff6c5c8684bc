"""Segment's HTTP tracking API, so that its SDKs work here with another host and one of our keys."""
