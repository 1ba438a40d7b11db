"""What an operator includes in Asterisk's configuration: phones, trunks, other PBXs and the dialplan.

`plan` says what a PBX has, and refuses what could break out of a line; `pjsip` and `dialplan` render it. They
are pure: who gathers a plan and writes the files is `ringback export pjsip`, and the stack's own Asterisks.
"""
