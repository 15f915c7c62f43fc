"""The lab: policies replayed over an access history, and what each would have cost.

Pure computation on numpy columns; nothing here waits. The engine runs it in a thread.
"""
