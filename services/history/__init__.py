"""Projects the log into SQL: one row per contact with its tries, and what managers ask of them.

It owns the tables of history, what people do with voice messages, and the end of the audio's life. It decides
nothing about calls: whatever it shows follows from the log, and can be made from it again.
"""
