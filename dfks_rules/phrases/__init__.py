"""Sentences for people that can be told in several languages.

Belongs here: what a phrase is, and what each is in German.
Never here: whoever makes or tells one, or knows which language somebody reads.
May import: nothing.
"""
