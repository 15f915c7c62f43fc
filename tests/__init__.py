"""Tests of Astra. `tests.servers` starts real servers; `tests.fake_s3` misbehaves on demand."""
