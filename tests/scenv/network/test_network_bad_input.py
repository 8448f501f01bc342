"""Bad networks: each is refused in one sentence that names the file, the field, firm or edge, and what was expected.

"No retailer" and "no source" have no case of their own: a graph without a cycle always has both, so a file without one
of them is refused for its cycle. Nothing in any of these files is ever executed.
"""

import json
import os
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from scenv.errors import NetworkError, ScenvError, did_you_mean, shown
from scenv.network.files import MAX_BYTES
from scenv.network.network import load_network


def refusal(source: object) -> str:
    with pytest.raises(NetworkError) as caught:
        load_network(source)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1500
    assert isinstance(caught.value, ScenvError)
    return message


def nodes(*ids: object, **fields: object) -> list[dict]:
    return [{"id": firm, **fields} for firm in ids]


def edges(*pairs: str, **fields: object) -> list[dict]:
    return [{"source": pair[0], "target": pair[1], **fields} for pair in pairs]


def document(firms: object = None, links: object = None, **top: object) -> dict:
    """The chain a -> b with changes."""
    return {
        "nodes": nodes("a", "b") if firms is None else firms,
        "edges": edges("ab") if links is None else links,
        **top,
    }


FORMATS = ".json, .cyjs, .graphml, .gexf, .csv, .tsv, .txt, .xlsx, .xlsm"
COST = "must be a finite number from 0 to 1e+12"
LEAD = "must be a whole number from 0 to 1000"
DISTRIBUTION = "stage_time_distribution"

BAD_DOCUMENTS = {
    # structure
    "cycle": (document(nodes(*"abc"), edges("ab", "bc", "ca")), "cycle a -> b -> c -> a; expected material to flow"),
    "cycle of two": (document(links=edges("ab", "ba")), "cycle a -> b -> a;"),
    "cycle inside": (document(nodes(*"sabr"), edges("sa", "ab", "ba", "br")), "cycle a -> b -> a;"),
    "cycle despite stages": (
        document([{"id": "a", "stage": 1}, {"id": "b", "stage": 0}], edges("ab", "ba")),
        "cycle a -> b -> a;",
    ),
    "self-loop": (document(links=edges("ab", "aa")), "edge 'a' -> 'a': self-loop"),
    "parallel edges": (document(links=edges("ab", "ab")), "edge 'a' -> 'b': parallel edge; expected at most one"),
    "undirected": (document(directed=False), "directed must be true, not False"),
    "directed as text": (document(directed="true"), "directed must be true, not 'true'"),
    "multigraph": (document(multigraph=True), "multigraph must be false, not True"),
    "duplicate id": (document(nodes("a", "b", "a")), "duplicate firm id 'a'; expected each once"),
    "ids equal as text": (document(nodes(1, "1"), []), "duplicate firm id '1'"),
    "unknown firm": (
        document(nodes("ret_0", "sup_0"), [{"source": "sub_0", "target": "ret_0"}]),
        "edge 'sub_0' -> 'ret_0': unknown firm 'sub_0' (did you mean 'sup_0'?); expected a node's id",
    ),
    "disconnected": (document(nodes(*"abcd"), edges("ab", "cd")), "firms 'a' and 'c' are in disconnected parts"),
    "isolated firm": (document(nodes(*"abc")), "firms 'a' and 'c' are in disconnected parts"),
    "empty": (document([], []), "the network is empty; expected at least one firm"),
    "stage against an edge": (
        document([{"id": "a", "stage": 0}, {"id": "b", "stage": 1}]),
        "edge 'a' -> 'b': stage must fall from supplier to customer (0 = nearest the customer), not go from 0 to 1",
    ),
    # costs and times
    "negative cost": (document(nodes("a", "b", holding_cost=-1)), f"firm 'a': holding_cost {COST}, not -1"),
    "infinite by exponent": (document(nodes("a", "b", holding_cost=float("1e300"))), f"holding_cost {COST}"),
    "huge integer cost": (document(nodes("a", "b", stage_cost=10**400)), f"stage_cost {COST}, not an integer of more"),
    "cost as text": (document(nodes("a", "b", stage_cost="12")), f"firm 'a': stage_cost {COST}, not '12'"),
    "cost as boolean": (document(nodes("a", "b", stage_cost=True)), f"stage_cost {COST}, not True"),
    "cost as list": (document(nodes("a", "b", stage_cost=[1])), f"stage_cost {COST}, not [1]"),
    "some costs missing": (
        document([{"id": "a", "holding_cost": 1}, {"id": "b"}]),
        "firm 'b': missing holding_cost; expected it at every firm or at none",
    ),
    "a cost is null": (
        document([*nodes("a", stage_cost=1), *nodes("b", stage_cost=None)]),
        "firm 'b': missing stage_cost",
    ),
    "some backorder costs missing": (
        document([{"id": "a", "backorder_cost": 1}, {"id": "b"}]),
        "missing backorder_cost",
    ),
    "all stage costs zero": (document(nodes("a", "b", stage_cost=0)), "stage_cost adds up to 0; expected a positive"),
    "some stages missing": (document([{"id": "a", "stage": 1}, {"id": "b"}]), "firm 'b': missing stage"),
    "negative stage": (document(nodes("a", "b", stage=-1)), "firm 'a': stage must be a whole number from 0"),
    "fractional stage": (document(nodes("a", "b", stage=0.5)), "stage must be a whole number from 0"),
    "negative stage time": (document(nodes("a", "b", stage_time=-2)), f"stage_time {COST}, not -2"),
    # lead times
    "lead time below zero": (document(links=edges("ab", shipment_lead_time=-2)), f"shipment_lead_time {LEAD}, not -2"),
    "zero order lead time": (
        document(links=edges("ab", order_lead_time=-1)),
        f"edge 'a' -> 'b': order_lead_time {LEAD}",
    ),
    "negative lead time": (document(links=edges("ab", order_lead_time=-1)), f"order_lead_time {LEAD}, not -1"),
    "fractional lead time": (document(links=edges("ab", order_lead_time=1.5)), f"order_lead_time {LEAD}, not 1.5"),
    "huge lead time": (document(links=edges("ab", order_lead_time=1001)), f"order_lead_time {LEAD}, not 1001"),
    "enormous lead time": (
        document(links=edges("ab", order_lead_time=10**99)),
        f"order_lead_time {LEAD}, not an integer",
    ),
    "lead time as text": (document(links=edges("ab", order_lead_time="2")), f"order_lead_time {LEAD}, not '2'"),
    # distributions
    "distribution as list": (document(nodes("a", "b", **{DISTRIBUTION: [1]})), "must hold exactly 'values' and"),
    "distribution of two lengths": (
        document(nodes("a", "b", **{DISTRIBUTION: {"values": [1, 2], "probabilities": [1]}})),
        "two lists of the same length",
    ),
    "empty distribution": (
        document(nodes("a", "b", **{DISTRIBUTION: {"values": [], "probabilities": []}})),
        "two lists of the same length, 1 to 1000",
    ),
    "probabilities beyond 1": (
        document(nodes("a", "b", **{DISTRIBUTION: {"values": [1, 2], "probabilities": [0.5, 0.6]}})),
        "probabilities must sum to 1, not to 1.1",
    ),
    "negative probability": (
        document(nodes("a", "b", **{DISTRIBUTION: {"values": [1, 2], "probabilities": [1.5, -0.5]}})),
        f"stage_time_distribution probabilities {COST}, not -0.5",
    ),
    # names and keys
    "unknown firm key": (
        document(nodes("a", "b", holdin_cost=1)),
        "firm 'a': unknown key 'holdin_cost' (did you mean 'holding_cost'?); expected one of id, stage, label",
    ),
    "unknown edge key": (
        document(links=edges("ab", shipment_lead=1)),
        "edge 'a' -> 'b': unknown key 'shipment_lead' (did you mean 'shipment_lead_time'?)",
    ),
    "unknown top key": (document(node=[]), "unknown key 'node' (did you mean 'nodes'?)"),
    "edges and links": (document(links=edges("ab")) | {"links": []}, "unknown key 'links'"),
    "unknown graph key": (document(graph={"scenaro": {}}), "graph: unknown key 'scenaro' (did you mean 'scenario'?)"),
    "graph as list": (document(graph=[]), "graph: expected an object, not []"),
    "scenario as text": (document(graph={"scenario": "x"}), "graph: scenario must be an object, not 'x'"),
    "name as number": (document(graph={"name": 3}), "graph: name must be printable text"),
    "name with a line break": (document(graph={"name": "a\nb"}), "graph: name must be printable text"),
    "missing id": (document([{"name": "x"}]), "missing key 'id'; it must name a firm"),
    "missing target": (document(links=[{"source": "a"}]), "edge 'a' -> None: missing key 'target'"),
    "id as list": (document([{"id": ["a"]}]), "id must be a whole number or printable text"),
    "id is empty": (document([{"id": " "}]), "id must be a whole number or printable text"),
    "id is boolean": (document([{"id": True}]), "id must be a whole number or printable text"),
    "id with a control character": (document([{"id": "a\x00"}]), "id must be a whole number or printable text"),
    "id is a lone surrogate": (document([{"id": "\ud800"}]), "id must be a whole number or printable text"),
    "very long id": (document([{"id": "a" * 10**5}]), "id must be a whole number or printable text"),
    "label as number": (document(nodes("a", "b", label=1)), "firm 'a': label must be printable text"),
    "firm as text": (document(["a", "b"]), "firm 'a': expected an object with the key 'id'"),
    "edge as pair": (document(links=[["a", "b"]]), "expected an object with the key 'source' and 'target'"),
    "nodes missing": ({"edges": []}, "nodes must be a list of rows, not None"),
    "nodes as object": (document({"a": {}}), "nodes must be a list of rows"),
    "edges missing": ({"nodes": nodes("a")}, "edges must be a list of rows, not None"),
    "deep scenario": (document(graph={"scenario": json.loads('{"a":' * 50 + "1" + "}" * 50)}), "nested too deeply"),
    "a list": ([], "expected a JSON object with nodes and edges, not []"),
    "a number": (3, "expected a JSON object with nodes and edges, not 3"),
    "null": (None, "expected a JSON object with nodes and edges, not None"),
}


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
def test_bad_json_documents(case, tmp_path):
    content, expected = BAD_DOCUMENTS[case]
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content))
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert expected in message


BAD_JSON_TEXTS = {
    "NaN": (
        '{"nodes": [{"id": "a", "holding_cost": NaN}], "edges": []}',
        "NaN is not valid JSON; expected finite numbers",
    ),
    "Infinity": ('{"nodes": [{"id": "a", "stage_cost": Infinity}], "edges": []}', "Infinity is not valid JSON"),
    "-Infinity": ('{"nodes": [{"id": "a", "stage_cost": -Infinity}], "edges": []}', "-Infinity is not valid JSON"),
    "overflow": ('{"nodes": [{"id": "a", "stage_cost": 1e999}], "edges": []}', f"firm 'a': stage_cost {COST}, not inf"),
    "overflow in the scenario": (
        '{"graph": {"scenario": {"x": {"y": 1e999}}}, "nodes": [{"id": "a"}], "edges": []}',
        "graph: scenario.x.y: expected text, a finite number",
    ),
    "duplicate keys": ('{"nodes": [{"id": "a", "id": "b"}], "edges": []}', "duplicate key 'id' in one object"),
    "duplicate keys at the top": ('{"nodes": [], "nodes": [{"id": "a"}], "edges": []}', "duplicate key 'nodes'"),
    "deep nesting": ("[" * 200_000, "nested too deeply"),
    "deep nesting of objects": ('{"a":' * 200_000, "nested too deeply"),
    "cut off": ('{"nodes": [', "not valid JSON: Expecting value: line 1 column 12"),
    "no content": ("", "not valid JSON: Expecting value: line 1 column 1"),
    "a very long number": ('{"nodes": [{"id": ' + "1" * 10_000 + '}], "edges": []}', "not valid JSON"),
    "code": ("__import__('os').system('touch pwned')", "not valid JSON"),
}


@pytest.mark.parametrize("case", BAD_JSON_TEXTS)
def test_bad_json_texts(case, tmp_path):
    text, expected = BAD_JSON_TEXTS[case]
    path = tmp_path / "bad.json"
    path.write_text(text)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert expected in message


def graphml(body: str, *, head: str = "", keys: str = "", edgedefault: str = "directed") -> str:
    return (
        f'<?xml version="1.0"?>{head}<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{keys}'
        f'<graph edgedefault="{edgedefault}">{body}</graph></graphml>'
    )


AB = '<node id="a"/><node id="b"/>'
EDGE = '<edge source="a" target="b"/>'
COST_KEY = '<key id="d0" for="node" attr.name="stage_cost" attr.type="double"/>'
LAUGHS = '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>'

BAD_GRAPHML = {
    "entities": (graphml(AB + EDGE + "&lol2;", head=LAUGHS), "has a DTD or XML entities; expected plain GraphML"),
    "external entity": (graphml(AB + EDGE + "&xxe;", head=EXTERNAL), "has a DTD or XML entities"),
    "DTD alone": (graphml(AB + EDGE, head='<!DOCTYPE graphml SYSTEM "http://localhost/x.dtd">'), "has a DTD"),
    "undefined entity": (graphml("&x;"), "not valid XML"),
    "cut off": (graphml(AB)[:-20], "not valid XML"),
    "no content": ("", "not valid XML: no element found"),
    "another XML": ("<svg/>", "the root element is 'svg'; expected 'graphml'"),
    "no graph": ("<graphml/>", "0 graphs; expected one"),
    "two graphs": ('<graphml><graph edgedefault="directed"/><graph/></graphml>', "2 graphs; expected one"),
    "undirected": (graphml(AB + EDGE, edgedefault="undirected"), "edgedefault is 'undirected'; expected 'directed'"),
    "undirected edge": (
        graphml(AB + '<edge source="a" target="b" directed="false"/>'),
        "edge 'a' -> 'b' is undirected; expected directed edges only",
    ),
    "hyperedge": (graphml(AB + "<hyperedge/>"), "element 'hyperedge' in the graph"),
    "nested graph": (graphml('<node id="a"><graph/></node>'), "node 'a': element 'graph'; expected data"),
    "parallel edges": (graphml(AB + EDGE + EDGE), "edge 'a' -> 'b': parallel edge"),
    "duplicate id": (graphml(AB + AB + EDGE), "duplicate firm id 'a'"),
    "cycle": (graphml(AB + EDGE + '<edge source="b" target="a"/>'), "cycle a -> b -> a"),
    "unknown firm": (graphml(AB + '<edge source="a" target="c"/>'), "edge 'a' -> 'c': unknown firm 'c'"),
    "empty": (graphml(""), "the network is empty"),
    "data without its key": (
        graphml('<node id="a"><data key="d9">1</data></node>'),
        "node 'a': data with the key 'd9'",
    ),
    "not a number": (
        graphml('<node id="a"><data key="d0">much</data></node>', keys=COST_KEY),
        "node 'a': stage_cost must be a double, not 'much'",
    ),
    "infinite": (
        graphml('<node id="a"><data key="d0">INF</data></node>', keys=COST_KEY),
        f"stage_cost {COST}, not inf",
    ),
    "id is what an empty cell becomes": (graphml('<node id="nan"/>'), "id must name a firm, not 'nan'"),
    "field twice": (
        graphml('<node id="a"><data key="d0">1</data><data key="d0">2</data></node>', keys=COST_KEY),
        "node 'a': duplicate key 'stage_cost'",
    ),
    "unknown key": (
        graphml('<node id="a"><data key="d0">1</data></node>', keys=COST_KEY.replace("stage_cost", "stagecost")),
        "unknown key 'stagecost' (did you mean 'stage_cost'?)",
    ),
    "id as data": (
        graphml('<node id="a"><data key="d0">1</data></node>', keys=COST_KEY.replace("stage_cost", "id")),
        "node 'a': a data field is named 'id'",
    ),
    "unknown type": (
        graphml('<node id="a"><data key="d0">1</data></node>', keys=COST_KEY.replace("double", "complex")),
        "stage_cost must be a complex, not '1'",
    ),
    "bad JSON inside": (
        graphml('<data key="d0">{</data>', keys='<key id="d0" for="graph" attr.name="scenario" attr.type="string"/>'),
        "graph: scenario must be a string with JSON, not '{'",
    ),
    "NaN in JSON inside": (
        graphml(
            '<data key="d0">{"x": NaN}</data>' + AB + EDGE,
            keys='<key id="d0" for="graph" attr.name="scenario" attr.type="string"/>',
        ),
        "scenario",
    ),
    "deep nesting": (graphml("<node>" * 20_000 + "</node>" * 20_000), "expected data"),
}


@pytest.mark.parametrize("case", BAD_GRAPHML)
def test_bad_graphml(case, tmp_path):
    text, expected = BAD_GRAPHML[case]
    path = tmp_path / "bad.graphml"
    path.write_text(text)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert expected in message


HEADER = (
    "/@company,/arcs/arc/@from,/arcs/arc/@to,/stages/stage/@relDepth,/stages/stage/@stageCost,/stages/stage/@stageName,"
    "/stages/stage/@stageTime,/stages/stage/@StageTime_1_p,/stages/stage/@StageTime_1_v"
)
ARC, SUPPLIER, RETAILER = "3,S,R,,,,,,", "3,,,1,5,S,2,,", "3,,,0,5,R,2,,"


def chain(*lines: str, header: str = HEADER) -> str:
    return "\n".join(["/chain", header, *lines]) + "\n"


BAD_CSV = {
    "no header": ("/chain\n", "line 2: expected the header of the Willems (2008) data set"),
    "no content": ("", "must have a header line with the columns' names and at least one line below it"),
    "another CSV": ("a,b\n1,2\n", "no column of the header (a, b) is source; expected it under that name or a usual"),
    "another chain": ("/chain\na,b\n1,2\n", "line 2: expected the header of the Willems (2008) data set, with the col"),
    "a column twice": (
        chain("3,S,R,,,,,,,R", header=HEADER + ",/arcs/arc/@to"),
        "column '/arcs/arc/@to' stands twice in the header",
    ),
    "no rows": (chain(), "must have a header line with the columns' names and at least one line below it"),
    "short row": (chain("3,S,R"), "line 3: 3 cells; expected 9 as in the header"),
    "neither arc nor stage": (chain("3,S,,,,,,,"), "line 3: expected either an arc (from and to) or a stage"),
    "both arc and stage": (chain("3,S,R,0,5,R,2,,"), "line 3: expected either an arc (from and to) or a stage"),
    "unknown stage": (chain(ARC, RETAILER), "arc 'S' -> 'R': unknown stage 'S'"),
    "duplicate stage": (chain(ARC, SUPPLIER, RETAILER, RETAILER), "line 6: duplicate stageName 'R'"),
    "parallel arcs": (chain(ARC, ARC, SUPPLIER, RETAILER), "edge 'whole_0' -> 'ret_0': parallel edge"),
    "self-loop": (chain("3,R,R,,,,,,", RETAILER), "edge 'ret_0' -> 'ret_0': self-loop"),
    "cycle": (chain(ARC, "3,R,S,,,,,,", SUPPLIER, RETAILER), "cycle whole_0 -> ret_0 -> whole_0"),
    "depth against an arc": (chain("3,R,S,,,,,,", SUPPLIER, RETAILER), "stage must fall from supplier to customer"),
    "disconnected": (chain(SUPPLIER, RETAILER), "disconnected parts"),
    "depth missing": (
        chain(ARC, SUPPLIER, "3,,,,5,R,2,,"),
        "line 5: relDepth must be a whole number from 0 to 9999, not ''",
    ),
    "depth negative": (
        chain(ARC, SUPPLIER, "3,,,-1,5,R,2,,"),
        "line 5: relDepth must be a whole number from 0 to 9999",
    ),
    "cost missing": (chain(ARC, SUPPLIER, "3,,,0,,R,2,,"), "line 5: stageCost must be a finite number, not ''"),
    "cost NaN": (chain(ARC, SUPPLIER, "3,,,0,nan,R,2,,"), "line 5: stageCost must be a finite number, not 'nan'"),
    "cost with an underscore": (
        chain(ARC, SUPPLIER, "3,,,0,1_0,R,2,,"),
        "stageCost must be a finite number, not '1_0'",
    ),
    "cost infinite": (chain(ARC, SUPPLIER, "3,,,0,1e999,R,2,,"), f"firm 'ret_0' ('R'): stage_cost {COST}, not inf"),
    "cost negative": (chain(ARC, SUPPLIER, "3,,,0,-5,R,2,,"), f"firm 'ret_0' ('R'): stage_cost {COST}, not -5.0"),
    "time as text": (chain(ARC, SUPPLIER, "3,,,0,5,R,long,,"), "line 5: stageTime must be a finite number, not 'long'"),
    "value missing": (chain(ARC, SUPPLIER, "3,,,0,5,R,2,1,"), "line 5: StageTime_1_v must be a finite number, not ''"),
    "probabilities below 1": (chain(ARC, SUPPLIER, "3,,,0,5,R,2,0.5,4"), "probabilities must sum to 1, not to 0.5"),
    "open quote": (chain('3,"S,R'), "not a valid CSV file"),
    "huge cell": (chain("3," + "S" * 200_000 + ",R,,,,,,"), "not a valid CSV file: field larger than field limit"),
    "NUL": (chain(ARC, "\0"), "not a text file (it holds NUL bytes)"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_willems_csv(case, tmp_path):
    text, expected = BAD_CSV[case]
    path = tmp_path / "bad.csv"
    path.write_text(text)
    message = refusal(path)
    assert message.startswith(str(path))
    assert expected in message


def test_a_good_chain_for_comparison(tmp_path):
    (tmp_path / "good.csv").write_text(chain(ARC, SUPPLIER, "", ",,,,,,,,", "3,,,0,5,R,2,1,4"))
    assert load_network(tmp_path / "good.csv").edges == (("whole_0", "ret_0"),)


@pytest.mark.parametrize("suffix", ["json", "graphml", "csv"])
class TestAnyKindOfFile:
    def test_binary_junk(self, suffix, tmp_path):
        path = tmp_path / f"junk.{suffix}"
        path.write_bytes(bytes(range(256)) * 40)
        assert refusal(path).startswith(f"{path}: not ")

    def test_text_that_is_not_utf_8(self, suffix, tmp_path):
        path = tmp_path / f"latin.{suffix}"
        path.write_bytes("Zürich".encode("latin-1"))
        assert refusal(path).startswith(f"{path}: not ")

    def test_size_cap(self, suffix, tmp_path):
        path = tmp_path / f"large.{suffix}"
        with path.open("wb") as file:
            file.truncate(MAX_BYTES + 1)
        assert refusal(path) == f"{path}: larger than 16 MiB; expected a smaller network file"

    def test_missing(self, suffix, tmp_path):
        path = tmp_path / f"none.{suffix}"
        assert refusal(path) == f"{path}: no such file"

    def test_directory(self, suffix, tmp_path):
        path = tmp_path / f"folder.{suffix}"
        path.mkdir()
        assert refusal(path) == f"{path} is a directory; expected a network file"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_pipe(self, suffix, tmp_path):
        path = tmp_path / f"pipe.{suffix}"
        os.mkfifo(path)
        assert refusal(path) == f"{path}: not a regular file"

    @pytest.mark.parametrize("stem", ["x" * 5000, "a\0b", "a\nb"])
    def test_impossible_names(self, suffix, stem):
        message = refusal(f"{stem}.{suffix}")
        assert "cannot be read" in message or "no such file" in message


def test_names_that_are_no_network(tmp_path):
    assert refusal("r22").startswith(
        "unknown network 'r22' (did you mean 'r2'?); expected one of bg, r1, r2, r3, or a file"
    )
    assert refusal("R2").startswith("unknown network 'R2' (did you mean 'r2'?)")
    assert refusal("").startswith(". is a directory")
    assert refusal(tmp_path) == f"{tmp_path} is a directory; expected a network file ({FORMATS}), or links.csv inside"
    assert "unknown kind of network file; expected a name that ends in .json, .cyjs, .graphml" in refusal("r2.yaml")
    (tmp_path / "pickle").write_bytes(b"\x80\x04.")
    assert "unknown kind of network file" in refusal(tmp_path / "pickle")
    assert refusal(Path("r2")) == "r2: no such file"


@pytest.mark.parametrize("source", [None, 3, {"nodes": []}, [("a", "b")], b"r2"])
def test_other_types(source):
    assert refusal(source).startswith("expected a network's name, a path or a networkx DiGraph, not ")


BAD_GRAPHS = {
    "undirected": (nx.Graph([("a", "b")]), "expected a networkx DiGraph (one directed edge from supplier to customer)"),
    "multigraph": (nx.MultiDiGraph([("a", "b"), ("a", "b")]), "not a MultiDiGraph"),
    "empty": (nx.DiGraph(), "graph: the network is empty"),
    "cycle": (nx.DiGraph([(0, 1), (1, 2), (2, 0)]), "graph: cycle 0 -> 1 -> 2 -> 0"),
    "long cycle": (nx.cycle_graph(5000, create_using=nx.DiGraph), "-> 5 -> (4993 more) -> 4999 -> 0; expected"),
    "self-loop": (nx.DiGraph([(0, 1), (1, 1)]), "edge '1' -> '1': self-loop"),
    "ids equal as text": (nx.DiGraph([(1, "1")]), "duplicate firm id '1'"),
    "disconnected": (nx.DiGraph([(0, 1), (2, 3)]), "disconnected parts"),
    "infinite cost": (
        nx.DiGraph([("a", "b")], name="mine"),
        "graph 'mine': firm 'a': stage_cost must be a finite number",
    ),
    "attribute with a slip": (nx.DiGraph(), "firm 'x': unknown key 'holdin_cost' (did you mean 'holding_cost'?)"),
    "lead time by another name": (
        nx.DiGraph([("a", "b", {"lead_time": 2})]),
        "edge 'a' -> 'b': unknown key 'lead_time' (did you mean 'shipment_lead_time'?)",
    ),
    "demand by another name": (nx.DiGraph([("a", "b")]), "did you mean 'demand_mean'?"),
    "capacity": (
        nx.DiGraph([("a", "b")]),
        "'capacity' is no key of a network; a scenario says it (capacity: {firm: units})",
    ),
    "id of an empty cell": (nx.DiGraph([("a", float("nan"))]), "id must be a whole number or printable text"),
    "id as float": (nx.DiGraph([(1.0, 2.0)]), "firm 1.0: id must be a whole number or printable text"),
    "id as tuple": (nx.DiGraph([((0, 1), (0, 2))]), "firm (0, 1): id must be a whole number or printable text"),
    "id as object": (nx.DiGraph([(object(), "b")]), "id must be a whole number or printable text"),
    "id as the text of an object": (nx.DiGraph([("<Site object at 0x7f00>", "b")]), "id must name a firm"),
    "id as truth": (nx.DiGraph([(True, "b")]), "id must be a whole number or printable text"),
    "id as None text": (nx.DiGraph([("<NA>", "b")]), "what an empty cell or object becomes"),
    "unknown graph attribute": (nx.DiGraph([(0, 1)], citations="x"), "did you mean 'citation'?"),
    "lead time": (nx.DiGraph([("a", "b", {"order_lead_time": np.float64(1.5)})]), f"order_lead_time {LEAD}"),
}
nx.set_node_attributes(BAD_GRAPHS["infinite cost"][0], np.float64("inf"), "stage_cost")
nx.set_node_attributes(BAD_GRAPHS["demand by another name"][0], 5, "demand")
nx.set_node_attributes(BAD_GRAPHS["capacity"][0], 5, "capacity")
BAD_GRAPHS["attribute with a slip"][0].add_node("x", holdin_cost=1)


@pytest.mark.parametrize("case", BAD_GRAPHS)
def test_bad_graphs(case):
    graph, expected = BAD_GRAPHS[case]
    assert expected in refusal(graph)


def test_a_cost_that_explodes_along_many_paths_is_refused():
    # Two firms a stage, each supplied by both firms behind it: costs double at every stage, and 2^1100 is no double.
    graph = nx.DiGraph((f"{k + 1}-{i}", f"{k}-{j}") for k in range(1100) for i in range(2) for j in range(2))
    nx.set_node_attributes(graph, 1.0, "stage_cost")
    assert "stage_cost adds up to inf; expected a positive finite sum" in refusal(graph)


def test_files_that_cannot_be_written(tmp_path):
    network = load_network("bg")
    for write in (network.to_json, network.to_graphml):
        with pytest.raises(NetworkError, match="cannot be written: No such file or directory"):
            write(tmp_path / "no folder" / "x")
        with pytest.raises(NetworkError, match="cannot be written"):
            write(tmp_path)


def test_helpers_of_messages():
    assert did_you_mean("holdin_cost", ["holding_cost", "x"]) == " (did you mean 'holding_cost'?)"
    assert did_you_mean("zzz", ["holding_cost"]) == ""
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 10**6)) < 80
    assert shown([1] * 100) == "a list of 100 entries"
    assert shown(10**5000) == "an integer of more than 60 digits"
