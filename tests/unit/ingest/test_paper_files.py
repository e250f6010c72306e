"""Bills are read from files as they come: Thai headings, either era, rows of other accounts, and the text of a PDF."""

from __future__ import annotations

import datetime as dt
import io
import re
import zlib

import openpyxl
import pytest
from pydantic import ValidationError

from bkkenergy.adapters.pdftext import pdf_text
from bkkenergy.errors import InputError
from bkkenergy.ingest.paper.bill import calendar_month
from bkkenergy.ingest.paper.fields import amount_of, field_of, month_of, skeleton
from bkkenergy.ingest.paper.mapping import BillMapping, load_bill_mapping, save_bill_mapping
from bkkenergy.ingest.paper.read import all_bills, read_bills

NUMBER = "0123456789"
SEPTEMBER = (dt.date(2026, 8, 12), dt.date(2026, 9, 11))


def read(path, mapping=None, account=NUMBER):
    return read_bills(path, mapping or BillMapping(), account=account, this_year=2026, days_of_month=calendar_month)


def written(tmp_path, text, name="bills.csv", encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


THAI = (
    "การไฟฟ้านครหลวง,,,,,,,\n"
    "บัญชีแสดงสัญญา,วันที่จดครั้งก่อน,วันที่จดเลขอ่าน,จำนวนหน่วย,ความต้องการพลังไฟฟ้า (kW),ค่าพลังงานไฟฟ้า (บาท),ค่า Ft,รวมเงินที่ต้องชำระ\n"
    '123456789,12/08/2569,12/09/2569,"2,718.81",25.09,"9,771.49",441.26,"14,830.41"\n'
    "987654321,12/08/2569,12/09/2569,1,1,1,1,1\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp874"])
def test_thai_headings_and_read_dates_of_the_buddhist_era_are_read(tmp_path, encoding):
    found = read(written(tmp_path, THAI, encoding=encoding))
    ((where, bill),) = found.bills
    assert str(where) == "row 3"
    assert (bill.first, bill.last) == SEPTEMBER
    assert (bill.energy_kwh, bill.demand_kw, bill.total_thb) == (2718.81, 25.09, 14830.41)
    assert bill.items_thb == {"energy": 9771.49, "ft": 441.26}
    assert found.others == 1
    assert found.taken["kwh"] == "จำนวนหน่วย"


def test_a_workbook_is_read_like_a_csv(tmp_path):
    book = openpyxl.Workbook()
    for row in (["เดือน", "หน่วย", "รวมเงิน"], ["ก.ย. 69", 1200, 5000.5], [dt.datetime(2026, 10, 1), "1,300", "5,400.00"]):
        book.active.append(row)
    book.save(tmp_path / "bills.xlsx")
    found = read(tmp_path / "bills.xlsx")
    assert [(bill.first, bill.energy_kwh, bill.total_thb) for _, bill in found.bills] == [
        (dt.date(2026, 9, 1), 1200, 5000.5),
        (dt.date(2026, 10, 1), 1300, 5400),
    ]
    assert list(found.refused) == []


def test_dates_and_numbers_of_a_workbook_are_read_as_excel_has_them(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["บัญชีแสดงสัญญา", "วันที่จดครั้งก่อน", "วันที่จดเลขอ่าน", "หน่วย"],
        [123456789.0, dt.datetime(2026, 8, 12), dt.datetime(2569, 9, 12), 1200.5],
        ["รวม", None, None, 1200.5],
    ):
        book.active.append(row)
    book.save(tmp_path / "bills.xlsx")
    found = read(tmp_path / "bills.xlsx")
    ((_, bill),) = found.bills
    assert (bill.first, bill.last, bill.energy_kwh) == (*SEPTEMBER, 1200.5)
    assert "row 3 is a sum of others" in [*map(str, found.notes)]
    assert list(found.refused) == []


@pytest.mark.parametrize("word", ["รวม", "Total", "รวมทั้งสิ้น:", "GRAND TOTAL"])
def test_a_row_that_sums_up_others_is_no_bill(tmp_path, word):
    found = read(written(tmp_path, f"month,kwh\n2026-09,5\n{word},5\n"))
    assert (len(found.bills), list(found.refused)) == (1, [])


def test_a_number_of_a_bill_with_signs_that_cannot_be_stored_is_refused(tmp_path):
    found = read(written(tmp_path, "month,kwh,number\n2026-09,5,A\x01\n"))
    assert [str(where) for where, _ in found.refused] == ["row 2"]


def test_a_person_says_what_a_column_is_and_which_is_none(tmp_path):
    path = written(tmp_path, "month,A,B,total\n2026-09,10,20,30\n")
    assert read(path).left_out == ["A", "B"]
    found = read(path, BillMapping(columns={"A": "kwh", "total": ""}))
    ((_, bill),) = found.bills
    assert (bill.energy_kwh, bill.total_thb) == (10, None)
    with pytest.raises(InputError, match="no column 'C'"):
        read(path, BillMapping(columns={"C": "kwh"}))


def test_two_columns_of_one_field_are_asked_about(tmp_path):
    path = written(tmp_path, "month,หน่วย,kwh\n2026-09,10,20\n")
    with pytest.raises(InputError, match="both name kwh"):
        read(path)
    ((_, bill),) = read(path, BillMapping(columns={"kwh": "kwh"})).bills
    assert bill.energy_kwh == 20


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("2026-09,abc,1", "kwh: 'abc' is no number"),
        ("2026-13,1,1", "no month"),
        ("กันยา 2569,1,1", "no month"),
        (",5,5", "it says no days"),
        ("2026-09,,", None),
        ('2026-09,"1.234,56",1', "comma behind its point"),
        ("2026-09,-5,1", "kwh: input should be greater than or equal to 0"),
        ("2026-09,1e400,1", "infinite"),
        ("3026-09,5,5", "no month|such a year"),
    ],
)
def test_a_row_that_is_no_bill_is_refused_with_its_place(tmp_path, cells, why):
    found = read(written(tmp_path, f"month,kwh,total\n2026-08,1,4\n{cells}\n"))
    assert len(found.bills) == 1
    if why is None:
        assert str(found.refused[0][1]) == "it has neither kWh nor a total"
        return
    ((where, said),) = found.refused
    assert str(where) == "row 3"
    assert any(part in str(said) for part in why.split("|"))
    with pytest.raises(InputError, match="row 3: ") as caught:
        all_bills(tmp_path / "bills.csv", found)
    assert re.search("ที่แถว 3: .*[ก-๙]", caught.value.said("th"))


@pytest.mark.parametrize("text", ["month\n2026-09\n", "a,b\n1,2\n", "", "\n\n"])
def test_a_file_without_headings_of_a_bill_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="no row of headings"):
        read(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1,234.50", 1234.5),
        ("๑,๒๓๔", 1234.0),
        ("(1,234.50)", -1234.5),
        ("55.00-", -55.0),
        ("-55", -55.0),
        ("100 บาท", 100.0),
    ],
)
def test_amounts_are_read_with_credits(text, amount):
    assert amount_of(text.translate(str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789"))) == amount


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-09", 9),
        ("2569-09", 9),
        ("09/2569", 9),
        ("9/2026", 9),
        ("ก.ย. 2569", 9),
        ("กันยายน 69", 9),
        ("Sep 2026", 9),
        ("sep-26", 9),
    ],
)
def test_months_are_read_in_either_era(text, month):
    assert month_of(text) == dt.date(2026, month, 1)


@pytest.mark.parametrize(
    "heading", ["ค่า Ft", "ค่า Ft (บาท)", "ค่าFt", "FT", "ค\u0e48าไฟฟ\u0e49าผันแปร (Ft)", "คาไฟฟาผันแปร"]
)
def test_headings_are_known_without_marks_brackets_and_case(heading):
    assert field_of(heading) == "ft"


def test_marks_that_a_pdf_loses_do_not_count():
    assert skeleton("รวมเงินที ต้องชําระ") == skeleton("รวมเงินที่ต้องชำระ")


def test_a_mapping_is_stored_and_read_and_what_it_names_is_checked(tmp_path):
    mapping = BillMapping(columns={'ยอด "เงิน"': "total"}, labels={"kwh": "จำนวนหน่วย#1"}, sheet="บิล")
    save_bill_mapping(tmp_path, "mea", mapping)
    assert load_bill_mapping(tmp_path, "mea") == mapping
    assert BillMapping(columns={"x": "kwh"}).over(mapping).columns == {'ยอด "เงิน"': "total", "x": "kwh"}
    with pytest.raises(InputError, match="there: mea"):
        load_bill_mapping(tmp_path, "pea")
    with pytest.raises(InputError, match="is no name"):
        load_bill_mapping(tmp_path, "../mea")
    for strange in ({"columns": {"a": "kwhh"}}, {"labels": {"a": "kwh"}}, {"columns": {"a": "kwh", "b": "kwh"}}):
        with pytest.raises(ValidationError):
            BillMapping(**strange)


def pdf_of(*lines, squeezed=0):
    """A PDF with a page of lines in one of the fonts that every reader has. squeezed : bytes that its page inflates to."""
    shown = "\n".join(f"1 0 0 1 50 {780 - 20 * number} Tm ({line}) Tj" for number, line in enumerate(lines))
    content = f"BT /F 10 Tf {shown} ET".encode("latin-1")
    content = zlib.compress(bytes(squeezed)) if squeezed else content
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), b"/Filter/FlateDecode" * bool(squeezed), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start)
    return out.getvalue()


LINES = (
    "Contract account 123456789          Billing month September 2026",
    "Previous read date 12/08/2026     Read date 12/09/2026     Units 2,718.81",
    "Energy charge on peak 1,703.91 x 4.1839    7,128.99",
    "Energy on peak  1,703.91 x 4.1839    7,128.99",
    "FT 0.1623 x 2,718.81    441.26",
    "VAT 7%   970.21",
    "Amount due:   14,830.41 THB",
)


def test_the_text_of_a_pdf_is_read_by_its_labels(tmp_path):
    (tmp_path / "bill.pdf").write_bytes(pdf_of(*LINES))
    found = read(tmp_path / "bill.pdf")
    ((_, bill),) = found.bills
    assert (bill.first, bill.last) == SEPTEMBER
    assert (bill.energy_kwh, bill.total_thb) == (2718.81, 14830.41)
    assert bill.items_thb == {"energy_on_peak": 7128.99, "ft": 441.26, "vat": 970.21}
    with pytest.raises(InputError, match="is of account 123456789"):
        read(tmp_path / "bill.pdf", account="5")


def test_a_person_names_the_words_before_a_field_and_which_number_counts(tmp_path):
    (tmp_path / "bill.pdf").write_bytes(pdf_of(*LINES))
    ((_, bill),) = read(tmp_path / "bill.pdf", BillMapping(labels={"kwh_on_peak": "Energy charge on peak#1"})).bills
    assert bill.on_peak_kwh == 1703.91
    with pytest.raises(InputError, match="no 'Nothing'"):
        read(tmp_path / "bill.pdf", BillMapping(labels={"kwh": "Nothing"}))


def test_labels_before_different_values_are_asked_about(tmp_path):
    (tmp_path / "bill.pdf").write_bytes(pdf_of(*LINES, "Amount due:  1.00 THB"))
    found = read(tmp_path / "bill.pdf")
    ((_, bill),) = found.bills
    assert bill.total_thb is None
    (note,) = found.notes
    assert str(note) == "total: several values are labelled so (14,830.41, 1.00); name one with --label total=WORDS"
    assert note.said("th").startswith("รวมเงิน (บาท): มีหลายค่า")
    with pytest.raises(InputError, match="before different values"):
        read(tmp_path / "bill.pdf", BillMapping(labels={"total": "Amount due"}))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: b"%PDF-1.4\n", "no PDF that can be read"),
        (lambda: b"%PDF-1.7\n" + bytes(range(256)) * 40, "no PDF that can be read"),
        (pdf_of, "has no text"),
        (lambda: pdf_of("x").replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]"), "no PDF that can be read|has no text|given up"),
        (lambda: pdf_of("x", squeezed=120 << 20), "no PDF that can be read|needs more than|given up"),
    ],
    ids=["cut", "noise", "no text", "no page", "120 MB inflated"],
)
def test_a_pdf_that_cannot_be_read_is_refused(tmp_path, made, why):
    (tmp_path / "bill.pdf").write_bytes(made())
    with pytest.raises(InputError, match=why) as caught:
        pdf_text(tmp_path / "bill.pdf")
    assert not re.search(why, caught.value.said("th"))


def test_a_pdf_that_takes_too_long_or_is_too_large_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "bill.pdf").write_bytes(pdf_of(*LINES))
    with pytest.raises(InputError, match="was given up"):
        pdf_text(tmp_path / "bill.pdf", wait_s=0.001)
    monkeypatch.setattr("bkkenergy.adapters.pdftext.MAX_FILE_BYTES", 10)
    with pytest.raises(InputError, match="larger than"):
        pdf_text(tmp_path / "bill.pdf")
