"""Where photos were taken: galleries of places with known positions, and answers from them."""

from geoloc.localization.answer import Answer, Answers, Unread

__all__ = ["Answer", "Answers", "Unread"]
