"""What `make check` says of code that nothing uses."""

from tests.deadcode import unused


def names(path, text):
    path.write_text(text)
    return {item.name for item in unused([path])}


def test_a_function_that_nothing_calls_shows(tmp_path):
    text = "def used(): ...\ndef forgotten(): ...\nclass Alone: ...\nused()\n"
    assert names(tmp_path / "module.py", text) == {"forgotten", "Alone"}


def test_what_a_framework_calls_and_what_a_template_reads_does_not(tmp_path):
    text = "@group.command('x')\ndef x_command(): ...\nclass _Page:\n    def do_GET(self): ...\n    paying_count = 1\n_Page()\n"
    assert names(tmp_path / "module.py", text) == set()
