"""Faults of accessibility that axe sees on a page in a browser.

Contrast is most of axe's time, and what it is in one row of a table it is in the next. So it is computed once for each
look of a text: tags, classes, colours and sizes from the root of the page down to it. Pictures' texts and what lies over
other things are looked at one by one.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

RUN = """async (rules) => {
  const STYLES = ['color', 'fill', 'backgroundColor', 'backgroundImage', 'opacity', 'filter', 'textShadow', 'fontSize',
    'fontWeight', 'visibility', 'clip', 'clipPath'];
  const looks = new Map();
  const look = (one) => {
    if (!one) return '';
    if (!looks.has(one)) {
      const style = getComputedStyle(one), place = one.getBoundingClientRect();
      const alone = one.namespaceURI.endsWith('svg') || style.position !== 'static' ? [place.x, place.y] : [];
      looks.set(one, look(one.parentElement) + '>' + [one.localName, one.getAttribute('class'), one.matches(':disabled'),
        one.getAttribute('aria-disabled'), one.getAttribute('for'), ...STYLES.map((name) => style[name]), ...alone].join());
    }
    return looks.get(one);
  };
  const said = (one) => [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
  const texts = new Map();
  for (const one of document.body.querySelectorAll('*')) {
    const text = said(one);
    if (one.getClientRects().length && (text || one.matches('input, select, textarea'))) {
      const key = look(one) + (text.length > 1);
      if (!texts.has(key)) texts.set(key, one);
    }
  }
  const CONTRAST = 'color-contrast', violations = [];
  const run = async (where, options) => {
    violations.push(...(await axe.run(where, {resultTypes: ['violations'], ...options})).violations);
  };
  if (!rules) await run(document, {rules: {[CONTRAST]: {enabled: false}}});
  else if (rules.some((one) => one !== CONTRAST)) await run(document, {runOnly: rules.filter((one) => one !== CONTRAST)});
  if ((!rules || rules.includes(CONTRAST)) && texts.size) await run({include: [...texts.values()]}, {runOnly: [CONTRAST]});
  return violations.map((one) => [one.id, one.impact, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 120))]);
}"""


def faults(page: Any, rules: tuple[str, ...] = ()) -> list[list[Any]]:
    """Return what axe has against a page: the rule, how bad that is, and the first elements. rules : these alone."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(RUN, list(rules) or None)


def serious_faults(page: Any, rules: tuple[str, ...] = ()) -> list[list[Any]]:
    """Return what axe calls serious or critical on a page."""
    return [one for one in faults(page, rules) if one[1] in {"serious", "critical"}]
