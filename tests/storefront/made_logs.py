"""Sales logs in their shops' own spelling, small enough to clean by hand."""

import zipfile

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity"]
HEADER += ["InvoiceDate", "UnitPrice", "CustomerID", "Country"]


def write_csv(path, rows, header=HEADER, encoding="utf-8"):
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def write_xlsx(path, sheets):
    """Write a minimal workbook: text and number cells; a float in the date column is a date."""
    types, books, relations = [], [], []
    with zipfile.ZipFile(path, "w") as book:
        for number, (name, rows) in enumerate(sheets.items(), start=1):
            cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
            book.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>',
            )
            types.append(f'<Override PartName="/xl/worksheets/sheet{number}.xml" {SHEET_TYPE}/>')
            books.append(f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>')
            relations.append(
                f'<Relationship Id="rId{number}" Type="{OFFICE}/worksheet" '
                f'Target="worksheets/sheet{number}.xml"/>'
            )
        relations.append(f'<Relationship Id="rId99" Type="{OFFICE}/styles" Target="styles.xml"/>')
        book.writestr("[Content_Types].xml", f"<Types {PACKAGE_TYPES}>{''.join(types)}</Types>")
        book.writestr("_rels/.rels", _relations(ROOT_RELATION))
        book.writestr("xl/_rels/workbook.xml.rels", _relations("".join(relations)))
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{"".join(books)}</sheets>'
            "</workbook>",
        )
        book.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
            '<xf numFmtId="22"/></cellXfs></styleSheet>',
        )
    return path


OPEN = "http://schemas.openxmlformats.org"
MAIN = f"{OPEN}/spreadsheetml/2006/main"
OFFICE = f"{OPEN}/officeDocument/2006/relationships"
PACKAGE_TYPES = f'xmlns="{OPEN}/package/2006/content-types"'
SHEET_TYPE = (
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"'
)
ROOT_RELATION = f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'


def _relations(body):
    return f'<Relationships xmlns="{OPEN}/package/2006/relationships">{body}</Relationships>'


def _cell(value):
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    style = ' s="1"' if isinstance(value, float) and value > 40_000 else ""
    return f"<c{style}><v>{value}</v></c>"
