"""The one door of the engine.

The console and the commands call nothing else. Commands and answers are plain values
(`engine.model`), so that the engine can live in a process of its own.
"""
