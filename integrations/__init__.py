"""Adapters to other libraries; nothing is imported until it is asked for."""
