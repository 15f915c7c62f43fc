"""The panes of the console: they draw plain values and post messages, and know no engine."""
