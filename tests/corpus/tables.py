"""Tables: indexes, positions and lists of photos that somebody wrote by hand, or on purpose."""

from collections.abc import Callable
from pathlib import Path

from tests.corpus.case import Case, Corpus, text

HEADER = "path,view,place,lat,lon,split\n"
ROW = "a.jpg,drone,1,2.5,3.5,test\n"
# a line below the header and a good line, so that the third is to blame
BAD_ROWS = {
    "too few fields": "b.jpg,drone,2,2.5,3.5",
    "too many fields": "b.jpg,drone,2,2.5,3.5,test,more",
    "no path": ",drone,2,2.5,3.5,test",
    "absolute path": "/etc/passwd,drone,2,2.5,3.5,test",
    "path of windows": "C:\\a.jpg,drone,2,2.5,3.5,test",
    "path of a share": "\\\\host\\a.jpg,drone,2,2.5,3.5,test",
    "path that climbs": "../a.jpg,drone,2,2.5,3.5,test",
    "path that climbs later": "a/../../b.jpg,drone,2,2.5,3.5,test",
    "path of two lines": '"b\nc.jpg",drone,2,2.5,3.5,test',
    "path with a null": "b\0.jpg,drone,2,2.5,3.5,test",
    "path twice": "a.jpg,drone,1,2.5,3.5,test",
    "no view": "b.jpg,,2,2.5,3.5,test",
    "view of two words": "b.jpg,from above,2,2.5,3.5,test",
    "no split": "b.jpg,drone,2,2.5,3.5,",
    "no place": "b.jpg,drone,,2.5,3.5,test",
    "place no number": "b.jpg,drone,two,2.5,3.5,test",
    "place with a point": "b.jpg,drone,2.0,2.5,3.5,test",
    "place beyond int64": "b.jpg,drone,99999999999999999999,2.5,3.5,test",
    "place of 5000 digits": "b.jpg,drone," + "9" * 5000 + ",2.5,3.5,test",
    "place in hexadecimal": "b.jpg,drone,0x10,2.5,3.5,test",
    "place in arabic digits": "b.jpg,drone,٣,2.5,3.5,test",
    "latitude no number": "b.jpg,drone,2,north,3.5,test",
    "latitude nan": "b.jpg,drone,2,nan,3.5,test",
    "latitude infinite": "b.jpg,drone,2,inf,3.5,test",
    "latitude 1e400": "b.jpg,drone,2,1e400,3.5,test",
    "latitude 91": "b.jpg,drone,2,91,3.5,test",
    "latitude with underscores": "b.jpg,drone,2,1_0,3.5,test",
    "latitude with a comma": 'b.jpg,drone,2,"2,5",3.5,test',
    "longitude 181": "b.jpg,drone,2,2.5,181,test",
    "longitude of a light year": "b.jpg,drone,2,2.5,9e15,test",
    "half a position": "b.jpg,drone,2,2.5,,test",
    "one row without a position": "b.jpg,drone,2,,,test",
    "place with two positions": "b.jpg,drone,1,2.6,3.5,test",
    "quote in a field": 'b"c.jpg,drone,"2"2,2.5,3.5,test',
    "quote never closed": '"b.jpg,drone,2,2.5,3.5,test',
    "field of 200 kB": "b" * 200_000 + ",drone,2,2.5,3.5,test",
    "not utf-8": b"caf\xe9.jpg,drone,2,2.5,3.5,test",
    "semicolons": "b.jpg;drone;2;2.5;3.5;test",
    "tabs": "b.jpg\tdrone\t2\t2.5\t3.5\ttest",
    "spaces alone": "   ",
}
BAD_FILES = {
    "empty": b"",
    "header alone": HEADER,
    "blank lines alone": "\n\n\n",
    "no header": ROW,
    "column missing": "path,view,place,lat,split\n",
    "column twice": "path,view,place,lat,lon,split,split\n",
    "unknown column": HEADER.replace("split", "split,colour") + ROW.replace("test", "test,red"),
    "other order": "view,path,place,lat,lon,split\n",
    "capitals": HEADER.upper(),
    "utf-16": (HEADER + ROW).encode("utf-16"),
    "utf-32": (HEADER + ROW).encode("utf-32"),
    "zeros": bytes(500),
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(range(256)),
    "label for one row alone": HEADER.replace("split", "split,label_a") + ROW,
    "label twice": HEADER.replace("split", "split,label_a,label_a")
    + ROW.replace("test", "test,1,1"),
    "place with two labels": HEADER.replace("split", "split,label_a")
    + ROW.replace("test", "test,1")
    + ROW.replace("a.jpg", "b.jpg").replace("test", "test,2"),
    "label no number": HEADER.replace("split", "split,label_a") + ROW.replace("test", "test,x"),
    "camera without longitude": HEADER.replace("split", "split,camera_lat")
    + ROW.replace("test", "test,1"),
    "camera nowhere": HEADER.replace("split", "split,camera_lat,camera_lon")
    + ROW.replace("test", "test,100,0"),
    "also no number": HEADER.replace("split", "split,also_1") + ROW.replace("test", "test,x"),
}
ODD_FILES = {
    "bom": b"\xef\xbb\xbf" + (HEADER + ROW).encode(),
    "line ends of windows": (HEADER + ROW).replace("\n", "\r\n"),
    "line ends of old macs": (HEADER + ROW).replace("\n", "\r"),
    "no line end": (HEADER + ROW).rstrip(),
    "blank lines between": HEADER + "\n\n" + ROW + "\n\n",
    "negative place": HEADER + ROW.replace(",1,", ",-1,"),
    "plus signs": HEADER + ROW.replace(",1,2.5", ",+1,+2.5"),
    "exponents": HEADER + ROW.replace("2.5", "2.5e0"),
    "pole and date line": HEADER + ROW.replace("2.5,3.5", "90,-180"),
    "no positions at all": HEADER + ROW.replace("2.5,3.5", ","),
    "commas in a name": HEADER + ROW.replace("a.jpg", '"a,b.jpg"'),
    "quotes in a name": HEADER + ROW.replace("a.jpg", '"a""b.jpg"'),
    "dots in a name": HEADER + ROW.replace("a.jpg", "..a/b..jpg"),
    "name of many alphabets": HEADER + ROW.replace("a.jpg", "日本/é.jpg"),
}
BAD_POSITIONS = {
    "no latitude": "path,lon\na.jpg,1\n",
    "climbing path": "path,lat,lon\n../a.jpg,1,2\n",
    "absolute path": "path,lat,lon\n/a.jpg,1,2\n",
    "empty path": "path,lat,lon\n,1,2\n",
    "path twice": "path,lat,lon\na.jpg,1,2\na.jpg,1,2\n",
    "nan": "path,lat,lon\na.jpg,nan,2\n",
    "latitude 100": "path,lat,lon\na.jpg,100,2\n",
    "words": "path,lat,lon\na.jpg,north,east\n",
    "zeros": bytes(100),
    "empty": b"",
}
BAD_LISTS = {
    "no id": "LAT,LON\n1,2\n",
    "words": "id,LAT,LON\n1,a,b\n",
    "infinite": "id,LAT,LON\n1,inf,2\n",
    "ragged": "id,LAT,LON\n1,2\n",
    "quote never closed": 'id,LAT,LON\n"1,2,3\n',
    "not utf-8": b"id,LAT,LON\n\xff,1,2\n",
    "header alone": "id,LAT,LON\n",
    "zeros": bytes(100),
    "empty": b"",
}

PAIR = "bingmap/19/0000001.jpg,streetview/panos/0000001.jpg,\n"
BAD_PAIRS = {
    "not utf-8": b"\xff\xfe",
    "one field": "bingmap/19/0000001.jpg\n",
    "two ids": "bingmap/19/1.jpg,streetview/panos/2.jpg\n",
    "climbing": "../19/1.jpg,streetview/panos/1.jpg\n",
    "absolute": "bingmap/19/1.jpg,/1.jpg\n",
    "pair twice": PAIR * 2,
    "id twice": PAIR + PAIR.replace("19/", "20/").replace("panos/", "more/"),
    "field of 200 kB": "b" * 200_000 + ",1.jpg\n",
}
BAD_LINES = {
    "not utf-8": b"train/drone/0001/a.jpg E1 N\xff\n",
    "two points": "train/drone/0001/a.jpg E1.2.3 N4 5\n",
    "raised digits": "train/drone/²/a.jpg E1 N4 5\n",
    "off the earth": "train/drone/0001/a.jpg E1 N400 5\n",
    "words": "here and there\n",
}
BAD_LABELS = {
    "not utf-8": b"fname, labels\xff",
    "no header": "1.jpg, 2\n",
    "ragged": "fname, labels\n1.jpg\n",
}


def pairs(content: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "splits").mkdir()
        text("splits/train-19zl.csv", content)(folder)
        text("splits/val-19zl.csv", PAIR.replace("0000001", "0000002"))(folder)
        return folder

    return write


def corpus() -> Corpus:
    cases: Corpus = {}
    for name, content in BAD_PAIRS.items():
        cases[f"cvusa, {name}"] = Case("cvusa", pairs(content), says="train-19zl.csv:")
    for name, content in BAD_LINES.items():
        cases[f"denseuav, {name}"] = Case("denseuav", text("gps.txt", content), says="gps.txt:1:")
    for name, content in BAD_LABELS.items():
        cases[f"dyml, {name}"] = Case("dyml", text("label.csv", content), says="label.csv:")
    for name, content in {"empty": b"", "text": b"mat", "zeros": bytes(500)}.items():
        cases[f"cvact, {name}"] = Case("cvact", text("ACT_data.mat", content))
    for name, row in BAD_ROWS.items():
        content = (
            (HEADER + ROW).encode() + (row if isinstance(row, bytes) else row.encode()) + b"\n"
        )
        cases[f"index, {name}"] = Case("index", text("index.csv", content), says="index.csv:")
    for name, content in BAD_FILES.items():
        cases[f"index, {name}"] = Case("index", text("index.csv", content), says="index.csv:")
    for name, content in ODD_FILES.items():
        cases[f"index, {name}"] = Case("index", text("index.csv", content), True)
    for name, content in BAD_POSITIONS.items():
        cases[f"positions, {name}"] = Case("positions", text("positions.csv", content))
    for name, content in BAD_LISTS.items():
        cases[f"list of photos, {name}"] = Case("photo table", text("photos.csv", content))
    return cases
