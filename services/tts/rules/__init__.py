"""The pure part of speech: the texts of prompts, what a notice may say, and how a text is read aloud.

`prompt_texts` has the texts of the standard prompts; `notice_text` checks a notice's text and cuts it into
parts; `text_normalization` turns numbers, dates, times and amounts into words (`russian`, `english` and
their `…_date_times`); `content_address` names a rendering by its content.
"""
