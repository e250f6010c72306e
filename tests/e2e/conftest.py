from __future__ import annotations

CUT_TEXTS = """[...document.querySelectorAll('svg text')].filter(text => {
  const own = text.getBoundingClientRect(), sheet = text.ownerSVGElement.getBoundingClientRect();
  return own.width > 0 && (own.left < sheet.left - 1 || own.right > sheet.right + 1);
}).map(text => text.textContent)"""
"""Texts of drawings that leave their drawing sideways, where they are cut off."""
