"""Leads: sales pipelines decided from interactions.

Owns the streams lead, pipeline and scoring, published unchanged on the topic `leads`; reads
`interactions`, `customers` and `leads`.
"""
