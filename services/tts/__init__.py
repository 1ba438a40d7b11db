"""Makes speech: the standard prompts of every language, and the notices that organizations write or upload.

Owns the objects under `standard/` and `speech/` in the bucket, in the canonical form of
8 kHz mono PCM16 WAV. It is an edge: it decides nothing about calls, and no caller ever waits for it.
"""
