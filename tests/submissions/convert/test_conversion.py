"""Every common format, with its quirks: the same reports come out, and the output says what was done."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from support.packing import packed

from .conftest import PREDICTED, REFERENCE, STUDIES

A, B = STUDIES
ROWS = [{"study_id": A, "report": PREDICTED}, {"study_id": B, "report": "Normal."}]
FRAME = pd.DataFrame(ROWS)
WANTED = {A: {"findings": PREDICTED}, B: {"findings": "Normal."}}


def lines(*rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


def csv(separator=",", header="study_id,report", end="\n", *, quoted=False):
    mark = '"' if quoted else ""
    rows = [header.replace(",", separator)]
    rows += [f"{mark}{r['study_id']}{mark}{separator}{mark}{r['report']}{mark}" for r in ROWS]
    return end.join(rows) + end


def parquet(frame=FRAME, **options):
    out = io.BytesIO()
    frame.to_parquet(out, **options)
    return out.getvalue()


def batch(study, text):
    message = {"role": "assistant", "content": text}
    body = {
        "id": "c",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    return {
        "id": "batch_req_1",
        "custom_id": study,
        "response": {"status_code": 200, "request_id": "r", "body": body},
        "error": None,
    }


CASES = {
    # ReXrank's own forms
    "submission file": {A: {"findings": PREDICTED}, B: {"findings": "Normal."}},
    "rexrank json": {
        A: {"model_prediction": PREDICTED, "section_findings": REFERENCE, "report": REFERENCE, "image_path": ["a.png"]},
        B: {"model_prediction": "Normal.", "section_findings": REFERENCE, "report": REFERENCE, "image_path": ["b.png"]},
    },
    "map of texts": {A: PREDICTED, B: "Normal."},
    "map of lists of one": {A: [PREDICTED], B: ["Normal."]},
    "map of prediction objects": {A: {"prediction": PREDICTED}, B: {"prediction": "Normal."}},
    # Tables as text
    "csv": csv(),
    "csv, quoted": csv(quoted=True),
    "csv, windows line ends": csv(end="\r\n"),
    "csv, old mac line ends": csv(end="\r"),
    "csv, no final line end": csv().rstrip("\n"),
    "csv, blank lines": csv().replace("\n", "\n\n"),
    "csv, trailing separator": csv().replace("\n", ",\n"),
    "csv, rows of separators": csv() + ",\n,\n",
    "csv, byte order mark": "\ufeff" + csv(),
    "csv, utf-16": csv().encode("utf-16"),
    "csv, utf-16-le without mark": csv().encode("utf-16-le"),
    "csv, utf-16-be without mark": csv().encode("utf-16-be"),
    "csv, utf-32": csv().encode("utf-32"),
    "csv, capitals in the header": csv(header="Study_ID,Report"),
    "csv, shouted header": csv(header="STUDY ID,REPORT"),
    "csv, spaces in the header": csv(header=" study_id , report "),
    "csv, camel case header": csv(header="studyId,generatedReport"),
    "csv, columns swapped": f"report,dicom_id\n{PREDICTED},{A}\nNormal.,{B}\n",
    "csv, unknown id name": csv(header="case number,report"),
    "csv, unknown text name": csv(header="study_id,medgemma v2"),
    "csv, pandas index": FRAME.to_csv(),
    "csv, lists of one printed by Python": csv(quoted=True).replace('"The', "\"['The").replace('sion."', "sion.']\"").replace('"Normal."', "\"['Normal.']\""),
    "semicolons": csv(";"),
    "semicolons, excel's first line": "sep=;\r\n" + csv(";", end="\r\n"),
    "tabs": csv("\t"),
    "tabs, utf-16 as excel's unicode text": csv("\t", end="\r\n").encode("utf-16"),
    "bars": csv("|"),
    "gzip of csv": packed(csv().encode()),
    "gzip of tabs in utf-16": packed(csv("\t").encode("utf-16")),
    # JSON
    "list of objects": ROWS,
    "list of lists of one object": [[r] for r in ROWS],
    "json lines": lines(*ROWS),
    "json lines, crlf": lines(*ROWS).replace("\n", "\r\n"),
    "json lines, byte order mark": "\ufeff" + lines(*ROWS),
    "json lines, blank lines": lines(*ROWS).replace("\n", "\n\n"),
    "json, several values": json.dumps(ROWS[0], indent=2) + "\n" + json.dumps(ROWS[1], indent=2),
    "json, utf-16": json.dumps(ROWS).encode("utf-16"),
    "json in a wrapper": {"data": ROWS},
    "json in a wrapper with metadata": {"model": "m", "config": {"beams": 3}, "results": ROWS},
    "json in two wrappers": {"output": {"predictions": ROWS}},
    "json map in a wrapper": {"predictions": {A: PREDICTED, B: "Normal."}},
    "json map beside metadata": {"meta": {"model": "m"}, "results": {A: PREDICTED, B: "Normal."}},
    "json map under any key": {"iu": {A: PREDICTED, B: "Normal."}},
    "references and predictions by column": {"gts": {A: REFERENCE, B: REFERENCE}, "preds": {A: PREDICTED, B: "Normal."}},
    "pandas columns": FRAME.to_json(),
    "pandas records": FRAME.to_json(orient="records"),
    "pandas lines": FRAME.to_json(orient="records", lines=True),
    "pandas split": FRAME.to_json(orient="split"),
    "pandas table": FRAME.to_json(orient="table"),
    "pandas index": FRAME.to_json(orient="index"),
    "pandas index of ids": FRAME.set_index("study_id").to_json(orient="index"),
    "pandas columns of ids": FRAME.set_index("study_id").assign(x=1).to_json(),
    "pandas split of ids": FRAME.set_index("study_id").to_json(orient="split"),
    "parallel lists": FRAME.to_dict("list"),
    "gzip of json": packed(json.dumps(ROWS).encode()),
    "gzip of json lines in two members": b"".join(packed(lines(r).encode()) for r in ROWS),
    # Parquet
    "parquet": parquet(),
    "parquet, zstd": parquet(compression="zstd"),
    "parquet, ids as index": parquet(FRAME.set_index("study_id")),
    "parquet, categories": parquet(FRAME.astype("category")),
    "parquet, lists of one": parquet(FRAME.assign(report=[[r["report"]] for r in ROWS])),
    "parquet, images beside": parquet(FRAME.assign(image=[b"\x89PNG", b"\x89PNG"])),
    "gzip of parquet": packed(parquet()),
    # Tools
    "r2gen, report": [
        {"id": A, "report": PREDICTED, "ground_truth": REFERENCE},
        {"id": B, "report": "Normal.", "ground_truth": REFERENCE},
    ],
    "r2gen, prediction": [
        {"id": A, "prediction": PREDICTED, "ground_truth": REFERENCE},
        {"id": B, "prediction": "Normal.", "ground_truth": REFERENCE},
    ],
    "cvt2distilgpt2": f"report,dicom_id\n{PREDICTED},{A}\nNormal.,{B}\n",
    "llava": lines(
        {"question_id": A, "prompt": "Describe.", "text": PREDICTED, "answer_id": "x", "model_id": "m", "metadata": {}},
        {"question_id": B, "prompt": "Describe.", "text": "Normal.", "answer_id": "y", "model_id": "m", "metadata": {}},
    ),
    "llava, ids in another column": lines(
        {"question_id": 0, "image": f"{A}.png", "prompt": "Describe.", "text": PREDICTED},
        {"question_id": 1, "image": f"{B}.png", "prompt": "Describe.", "text": "Normal."},
    ),
    "llava-rad": lines(
        {"image": f"files/{A}/0.png", "query": "<image>\nDescribe.", "reference": REFERENCE, "prediction": PREDICTED},
        {"image": f"files/{B}/0.png", "query": "<image>\nDescribe.", "reference": REFERENCE, "prediction": "Normal."},
    ),
    "openai batch": lines(batch(A, PREDICTED), batch(B, "Normal.")),
    "vllm batch, parts": lines(batch(A, [{"type": "text", "text": PREDICTED}]), batch(B, "Normal.")),
    "openai responses": lines(
        *(
            {
                "custom_id": s,
                "response": {
                    "body": {
                        "output": [
                            {"type": "reasoning", "summary": []},
                            {"type": "message", "content": [{"type": "output_text", "text": t}]},
                        ]
                    }
                },
            }
            for s, t in ((A, PREDICTED), (B, "Normal."))
        )
    ),
    "anthropic batch": lines(
        *(
            {
                "custom_id": s,
                "result": {
                    "type": "succeeded",
                    "message": {"content": [{"type": "thinking", "thinking": "?"}, {"type": "text", "text": t}]},
                },
            }
            for s, t in ((A, PREDICTED), (B, "Normal."))
        )
    ),
    "maira-2": {
        A: [["The lungs are clear.", None], ["No effusion.", [[0.1, 0.2, 0.3, 0.4]]]],
        B: [["Normal.", None]],
    },
    "maira-2 in rows": [
        {"study_id": A, "prediction": [["The lungs are clear.", None], ["No effusion.", [[0.1, 0.2, 0.3, 0.4]]]]},
        {"study_id": B, "prediction": [["Normal.", None]]},
    ],
    "maira-2 printed by Python": f'study_id,prediction\n{A},"[(\'The lungs are clear.\', None), (\'No effusion.\', [(0.1, 0.2, 0.3, 0.4)])]"\n{B},"[(\'Normal.\', None)]"\n',
    "grounded objects": {A: [{"text": "The lungs are clear.", "boxes": []}, {"text": "No effusion.", "boxes": [[0, 0, 1, 1]]}], B: [{"text": "Normal.", "boxes": []}]},
    "pipeline output": {A: [{"generated_text": PREDICTED}], B: [{"generated_text": "Normal."}]},
    # Ids
    "paths": csv().replace(A, f"iu/images/{A}/0.png").replace(B, f"iu/images/{B}/1.png"),
    "windows paths": csv().replace(A, f"C:\\\\data\\\\{A}\\\\0.png").replace(B, f"C:\\\\data\\\\{B}\\\\0.png"),
    "extensions": csv().replace(A, f"{A}.PNG").replace(B, f"{B}.dcm"),
    "view suffixes": csv().replace(A, f"{A}-1001.png").replace(B, f"{B}-0001-2001"),
    "named views": csv().replace(A, f"{A}_frontal").replace(B, f"{B}_PA"),
    "ids in lower case": csv().replace(A, A.lower()).replace(B, B.lower()),
    "lists of image paths": [
        {"image_path": [f"{A}/0.png", f"{A}/1.png"], "prediction": PREDICTED},
        {"image_path": [f"{B}/0.png", f"{B}/1.png"], "prediction": "Normal."},
    ],
    "a number of rows before the ids": csv(header="x,y,study_id,report").replace(A, f"1,2,{A}").replace(B, f"2,3,{B}"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_format_gives_the_same_reports(door, name):
    code, words, reports = door(CASES[name])
    assert code == 0, words
    assert reports == WANTED
    assert REFERENCE not in words
    assert "2 of 590 studies; missing CXR1008_IM-0009" in words


@pytest.mark.parametrize("name", ["x.txt", "x", "x.json", "x.csv", "x.jsonl", "x.parquet", "x.gz"])
def test_the_content_decides_and_not_the_name(door, name):
    for content in (csv(), lines(*ROWS), ROWS, parquet(), packed(csv().encode())):
        assert door(content, name)[2] == WANTED


def test_one_line_of_json_is_a_row(door):
    assert door(lines(ROWS[0]))[2] == {A: {"findings": PREDICTED}}
    assert door(lines(batch(A, PREDICTED)))[2] == {A: {"findings": PREDICTED}}
    assert door({A: PREDICTED})[2] == {A: {"findings": PREDICTED}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (csv(), "read a table separated by commas in UTF-8: 2 rows"),
        (
            csv(";").encode("utf-16"),
            "read a table separated by semicolons in UTF-16 with a byte order mark: 2 rows",
        ),
        (csv().replace("clear", "3°").encode("cp1252"), "in Windows-1252 (Excel's CSV): 2 rows"),
        (packed(csv("\t").encode()), "read gzip of a table separated by tabs in UTF-8: 2 rows"),
        (lines(*ROWS), "read JSON Lines, 2 lines in UTF-8: 2 rows"),
        (ROWS, "read a JSON list of 2 entries in UTF-8: 2 rows"),
        ({"data": ROWS}, "read the value of 'data'"),
        (parquet(), "read a Parquet table: 2 rows"),
        (FRAME.to_json(), "read JSON by columns (df.to_json())"),
        (csv(), "study ids: column 'study_id'"),
        (csv(), "text: column 'report'"),
        ({A: PREDICTED, B: "Normal."}, "text: the values of the object"),
        (CASES["llava"], "ignored columns: 'prompt', 'answer_id', 'model_id', 'metadata'"),
        (
            CASES["paths"],
            f"2 ids were found in paths or under other spellings (first: 'iu/images/{A}/0.png' is {A})",
        ),
        (csv() + ",\n", "1 empty row ignored"),
        (CASES["parquet, images beside"], "ignored columns without text: 'image'"),
        (csv() + csv().split("\n", 1)[1], "2 rows repeat a study's report"),
        (
            csv() + "CXR9_IM-9999,x\n",
            "1 row left out, with an id that is not in iu-xray (first: CXR9_IM-9999)",
        ),
    ],
)
def test_the_steps_of_a_conversion_are_reported(door, content, words):
    code, text, reports = door(content)
    assert code == 0, text
    assert words in text
    assert set(reports) == set(STUDIES)


def test_a_request_that_failed_is_an_empty_report(door):
    failed = {"custom_id": B, "response": None, "error": {"code": "server_error"}}
    code, words, reports = door(lines(batch(A, PREDICTED), failed))
    assert (code, reports) == (0, {A: {"findings": PREDICTED}, B: {"findings": ""}})
    assert f"1 study has no report: left empty, which gets the worst score (first: {B})" in words


def test_all_studies_are_confirmed(door):
    ids = [f"sandbox-{n:04}" for n in range(1, 61)]
    output = door(dict.fromkeys(ids, PREDICTED), dataset="sandbox")[1]
    assert "60 of 60 studies of sandbox" in output
    assert "missing" not in output


WHOLE = {
    "findings and impression": ({"findings": "a", "impression": "b"}, {"findings": "a", "impression": "b"}),
    "predicted sections": (
        {"pred_findings": "a", "pred_impression": "b", "findings": "r", "impression": "r"},
        {"findings": "a", "impression": "b"},
    ),
    "whole report": ({"report": "Findings: a. Impression: b."}, {"findings": "a.", "impression": "b."}),
    "findings alone": ({"findings": "a"}, {"findings": "a"}),
    "findings that hold both": (
        {"findings": "Findings: a. Impression: b."},
        {"findings": "a.", "impression": "b."},
    ),
    "sections with headers": (
        {"findings": "Findings: a", "impression": "IMPRESSION: b"},
        {"findings": "a", "impression": "b"},
    ),
    "json in a string": (
        {"report": '{"Findings": "a", "Impression": ["b", "c"]}'},
        {"findings": "a", "impression": "b c"},
    ),
    "json in a fence": (
        {"report": '```json\n{"findings": "a", "impression": "b"}\n```'},
        {"findings": "a", "impression": "b"},
    ),
    "json after thoughts": (
        {"report": '<think>x</think>\n{"findings": "a", "impression": "b"}'},
        {"findings": "a", "impression": "b"},
    ),
    "python's dict in a string": (
        {"report": "{'findings': 'a', 'impression': 'b'}"},
        {"findings": "a", "impression": "b"},
    ),
    "object in a column": (
        {"prediction": {"findings": "a", "impression": "b"}},
        {"findings": "a", "impression": "b"},
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_sections_from_any_column_in_json_and_csv(door, name):
    fields, wanted = WHOLE[name]
    row = {"study_id": A, **fields}
    assert door(lines(row))[2] == {A: wanted}
    assert door([row])[2] == {A: wanted}
    assert door({A: fields})[2] == {A: wanted}
    if all(isinstance(v, str) for v in fields.values()):
        assert door(pd.DataFrame([row]).to_csv(index=False))[2] == {A: wanted}
        assert door(parquet(pd.DataFrame([row])))[2] == {A: wanted}


def test_a_converted_file_is_converted_to_itself(door, tmp_path):
    rows = {A: {"findings": "x\n", "impression": "y"}, B: {"findings": "Impression: z", "impression": ""}}
    first = door(rows)[2]
    text = (tmp_path / "out/iu-xray.json").read_bytes()
    assert door(first)[2] == first == rows
    assert (tmp_path / "out/iu-xray.json").read_bytes() == text
