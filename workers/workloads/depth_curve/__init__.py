"""Prompt and generation speed at rising depths of one cached prefix."""
