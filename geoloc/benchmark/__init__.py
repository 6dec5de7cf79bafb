"""Whole tables from configs: what to train, what is done already, and the tables and pictures."""
