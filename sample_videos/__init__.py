"""Rendered sample scenes with exact truth: pure numpy descriptions, drawn by Blender."""
