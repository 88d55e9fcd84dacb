"""Forecasts against truth on public series, next to last week's values."""
