"""Instant checks of the exercises, one file per chapter.

A check says that the answer is right, or raises `Mistake` naming the usual error, in both languages
of the course: the notebooks of both share their code.
"""
