"""Chinese, in simplified characters: a file a room, a line a template.

A phrase in braces may begin with Chinese or with a number, so it stands after punctuation or
in parentheses, where neither needs a space before it.
"""

from __future__ import annotations

from app.languages.chinese import core, service, steps

TEMPLATES = core.TEMPLATES | steps.TEMPLATES | service.TEMPLATES
