"""Births of Sparkplug nodes in the state, on every database: what one host stores another hears, once."""

from __future__ import annotations

from bkkenergy.adapters.state.births import BirthStore
from bkkenergy.payloads.decode.births import Birth, Births, Place

NODE = Place("BMA", "NBIRTH", "edge-1", "")
PANEL = Place("BMA", "DBIRTH", "edge-1", "panel\x00ไทย")


def births_of(*names: str) -> Births:
    births = Births()
    births.born(Birth("BMA", "edge-1", "", 10, 5))
    births.born(Birth("BMA", "edge-1", PANEL.device, 20, None, dict(enumerate(names)), {"a": 10}, {"a": "kWh\x00"}))
    return births


def test_births_come_back_as_they_were_stored(engine):
    births = births_of("a", "b\x00ไทย")
    BirthStore(engine).save(births.changed())
    again = Births()
    again.learn(BirthStore(engine).news())
    assert again.birth(PANEL) == births.birth(PANEL)
    assert again.birth(NODE).bd_seq == 5


def test_each_host_hears_what_is_new_once(engine):
    one, other = BirthStore(engine), BirthStore(engine)
    assert other.news() == {}
    one.save(births_of("a").changed())
    assert len(other.news()) == 2
    assert other.news() == {}
    later = births_of("a", "b")
    one.save({birth_id: body for birth_id, body in later.changed().items() if b"panel" in body})
    (body,) = other.news().values()
    heard = Births()
    heard.learn({"x": body})
    assert heard.birth(PANEL).names == {0: "a", 1: "b"}


def test_nothing_new_writes_nothing(engine):
    store = BirthStore(engine)
    store.save({})
    assert store.news() == {}
