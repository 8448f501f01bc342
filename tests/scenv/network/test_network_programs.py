"""Files as drawing programs write them: what they mean is read, what they draw is passed over and named."""

import json

import networkx as nx
import pytest

from scenv.errors import NetworkError
from scenv.network.network import load_network

CHAIN = (("plant", "depot"), ("depot", "shop"))

YED_KEYS = """
  <key attr.name="Description" attr.type="string" for="graph" id="d0"/>
  <key for="port" id="d1" yfiles.type="portgraphics"/>
  <key attr.name="url" attr.type="string" for="node" id="d4"/>
  <key attr.name="description" attr.type="string" for="node" id="d5"/>
  <key for="node" id="d6" yfiles.type="nodegraphics"/>
  <key for="graphml" id="d7" yfiles.type="resources"/>
  <key attr.name="stage_cost" attr.type="double" for="node" id="d8"><default xml:space="preserve">2.0</default></key>
  <key attr.name="shipment_lead_time" attr.type="int" for="edge" id="d9"/>
  <key for="edge" id="d10" yfiles.type="edgegraphics"/>"""


def yed_node(number: str, label: str, data: str = "", shape: str = "ShapeNode") -> str:
    return f"""<node id="{number}"><data key="d5" xml:space="preserve"/>{data}<data key="d6"><y:{shape}>
      <y:Geometry height="30.0" width="30.0" x="1.0" y="2.0"/><y:Fill color="#FFCC00" transparent="false"/>
      <y:NodeLabel alignment="center" visible="true">{label}<y:LabelModel><y:SmartNodeLabelModel/></y:LabelModel>
      </y:NodeLabel></y:{shape}></data><port name="p0"/></node>"""


def yed_edge(number: str, source: str, target: str, label: str = "") -> str:
    return f"""<edge id="{number}" source="{source}" target="{target}" sourceport="p0"><data key="d9">4</data>
      <data key="d10"><y:PolyLineEdge><y:Path sx="0.0"/><y:EdgeLabel>{label}</y:EdgeLabel></y:PolyLineEdge>
      </data></edge>"""


def yed(body: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:y="http://www.yworks.com/xml/graphml">
  <!--Created by yEd 3.23-->{YED_KEYS}
  <graph edgedefault="directed" id="G"><data key="d0" xml:space="preserve">Two sites and a shop</data>{body}</graph>
  <data key="d7"><y:Resources/></data></graphml>"""


NODES = yed_node("n0", "plant") + yed_node("n1", "depot", '<data key="d8">7.5</data>') + yed_node("n2", "shop")
EDGES = yed_edge("e0", "n0", "n1") + yed_edge("e1", "n1", "n2", "rail")


def load(folder, name, text):
    (folder / name).write_text(text)
    return load_network(folder / name)


def test_yed_labels_defaults_and_own_properties(tmp_path):
    network = load(tmp_path, "a.graphml", yed(NODES + EDGES))
    assert network.edges == CHAIN
    assert network.metadata["description"] == "Two sites and a shop"
    assert [network.stage_cost[network.index(firm)] for firm in ("plant", "depot", "shop")] == [2, 7.5, 2]
    assert network.edge_attributes[CHAIN[0]]["shipment_lead_time"] == 4
    assert network.unused == {"edges": ("labels",)}


@pytest.mark.parametrize("shape", ["GenericNode", "ImageNode", "SVGNode"])
def test_yed_shapes(shape, tmp_path):
    network = load(tmp_path, "a.graphml", yed(NODES.replace("ShapeNode", shape) + EDGES))
    assert network.agents == ("shop", "depot", "plant")


def test_yed_groups_are_folders(tmp_path):
    inner = yed_node("n0::n0", "plant") + yed_node("n0::n1", "depot") + yed_edge("n0::e0", "n0::n0", "n0::n1")
    group = (
        f'<node id="n0" yfiles.foldertype="group"><data key="d5"/><graph edgedefault="directed">{inner}</graph></node>'
    )
    body = group + yed_node("n1", "shop")
    assert load(tmp_path, "a.graphml", yed(body + yed_edge("e0", "n0::n1", "n1"))).edges == CHAIN
    with pytest.raises(NetworkError, match="ends at the group 'n0'; expected edges between firms only"):
        load(tmp_path, "b.graphml", yed(body + yed_edge("e0", "n0", "n1")))


def test_equal_labels_leave_the_ids_and_become_names(tmp_path):
    network = load(tmp_path, "a.graphml", yed(NODES.replace(">shop<", ">depot<") + EDGES))
    assert network.agents == ("n2", "n1", "n0")
    assert dict(network.source_names) == {"n2": "depot", "n1": "depot", "n0": "plant"}


GEPHI = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key attr.name="label" attr.type="string" for="node" id="label"/>
<key attr.name="Edge Label" attr.type="string" for="edge" id="edgelabel"/>
<key attr.name="weight" attr.type="double" for="edge" id="weight"/>
<key attr.name="Modularity Class" attr.type="int" for="node" id="modularity_class"/>
<key attr.name="r" attr.type="int" for="node" id="r"/>
<key attr.name="x" attr.type="float" for="node" id="x"/>
<key attr.name="holding_cost" attr.type="string" for="node" id="holding_cost"/>
<graph edgedefault="directed">
<node id="0"><data key="label">plant</data><data key="r">153</data><data key="x">-3.5</data>
  <data key="holding_cost">1.5</data></node>
<node id="1"><data key="label">depot</data><data key="modularity_class">2</data><data key="holding_cost">2</data></node>
<node id="2"><data key="label">shop</data><data key="holding_cost">3</data></node>
<edge id="0" source="0" target="1"><data key="weight">1.0</data></edge>
<edge id="1" source="1" target="2"><data key="edgelabel">rail</data></edge>
</graph></graphml>"""


def test_gephi_graphml(tmp_path):
    network = load(tmp_path, "a.graphml", GEPHI)
    assert network.edges == CHAIN
    assert network.holding_cost.tolist() == [3, 2, 1.5]
    assert network.unused == {"firms": ("r", "x", "Modularity Class"), "edges": ("weight", "Edge Label")}


GEXF = """<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://gexf.net/1.3" version="1.3" xmlns:viz="http://gexf.net/1.3/viz">
<meta lastmodifieddate="2026-01-01"><creator>Gephi 0.10.1</creator><description></description></meta>
<graph defaultedgetype="directed" mode="static">
<attributes class="node" mode="static">
  <attribute id="stage_cost" title="stage_cost" type="double"><default>2</default></attribute>
  <attribute id="degree" title="Degree" type="integer"/></attributes>
<attributes class="edge" mode="static"><attribute id="slt" title="shipment_lead_time" type="integer"/></attributes>
<nodes><node id="0" label="plant"><attvalues><attvalue for="stage_cost" value="9"/></attvalues>
  <viz:size value="10.0"/><viz:position x="1" y="2"/><viz:color r="1" g="2" b="3"/></node>
<node id="1" label="depot"><attvalues><attvalue for="degree" value="2"/></attvalues></node>
<node id="2" label="shop"/></nodes>
<edges><edge id="0" source="0" target="1" weight="2.0"><attvalues><attvalue for="slt" value="6"/></attvalues></edge>
<edge id="1" source="1" target="2"/></edges></graph></gexf>"""


def test_gephi_gexf(tmp_path):
    network = load(tmp_path, "a.gexf", GEXF)
    assert network.edges == CHAIN
    assert network.stage_cost.tolist() == [2, 2, 9]
    assert network.edge_attributes[CHAIN[0]]["shipment_lead_time"] == 6
    assert network.unused == {"firms": ("size", "position", "color", "Degree"), "edges": ("weight",)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('defaultedgetype="directed"', 'defaultedgetype="undirected"', "edge '0' -> '1' is undirected"),
        ('mode="static">\n<attributes class="node"', 'mode="dynamic"><attributes class="node"', "expected 'static'"),
        ('for="slt"', 'for="nobody"', "edge '0' -> '1': a value for 'nobody'"),
        ('value="6"', 'value="six"', "shipment_lead_time must be a integer, not 'six'"),
        ("<gexf ", "<!DOCTYPE gexf><gexf ", "has a DTD"),
        ("</gexf>", "", "not valid XML"),
    ],
)
def test_gexf_that_cannot_be_used(old, new, expected, tmp_path):
    assert old in GEXF
    with pytest.raises(NetworkError, match=f"a.gexf: .*{expected}"):
        load(tmp_path, "a.gexf", GEXF.replace(old, new))


def cytoscape(**data):
    def element(number, **fields):
        return {"data": {"id": number, "SUID": int(number), "selected": False, **fields}, "selected": False}

    nodes = [
        element(str(60 + k), shared_name=name, name=name, **data) | {"position": {"x": 1.0, "y": 2.0}}
        for k, name in enumerate(("plant", "depot", "shop"))
    ]
    edges = [
        element(str(70 + k), source=str(60 + k), target=str(61 + k), shared_interaction="supplies", name="a (pp) b")
        for k in range(2)
    ]
    return {
        "format_version": "1.0",
        "generated_by": "cytoscape-3.10.4",
        "target_cytoscapejs_version": "~2.1",
        "data": {"shared_name": "two", "name": "two", "SUID": 52, "__Annotations": [""], "selected": True},
        "elements": {"nodes": nodes, "edges": edges},
    }


@pytest.mark.parametrize("name", ["a.cyjs", "a.json"])
def test_cytoscape_json(name, tmp_path):
    network = load(tmp_path, name, json.dumps(cytoscape(stage_cost=3.0)))
    assert (network.edges, network.name) == (CHAIN, "two")
    assert network.stage_cost.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (3, "elements must hold nodes and edges"),
        ({"nodes": [3]}, "elements: expected objects with data"),
        ({"nodes": {}}, "elements.nodes must be a list"),
        ({"nodes": [{"data": {}}]}, "missing key 'id'"),
        ({"nodes": [{"data": {"id": "1", "name": "x"}}], "edges": [{"data": {"source": [1], "target": {}}}]}, "source"),
        ({"nodes": [{"data": {"id": [1], "name": "x"}}]}, "id must be a whole number or printable text"),
    ],
)
def test_cytoscape_json_that_cannot_be_used(elements, expected, tmp_path):
    with pytest.raises(NetworkError, match=f"a.cyjs: .*{expected}"):
        load(tmp_path, "a.cyjs", json.dumps({"elements": elements}))


def test_cytoscape_graphml(tmp_path):
    keys = "".join(
        f'<key attr.name="{name}" attr.type="{kind}" for="{part}" id="{name}"/>'
        for part, name, kind in (
            ("node", "shared name", "string"),
            ("node", "name", "string"),
            ("node", "SUID", "long"),
            ("node", "selected", "boolean"),
            ("edge", "interaction", "string"),
        )
    )
    nodes = "".join(
        f'<node id="{60 + k}"><data key="shared name">{name}</data><data key="name">{name}</data>'
        f'<data key="SUID">{60 + k}</data><data key="selected">false</data></node>'
        for k, name in enumerate(("plant", "depot", "shop"))
    )
    edges = "".join(
        f'<edge source="{60 + k}" target="{61 + k}"><data key="interaction">x</data></edge>' for k in range(2)
    )
    text = f'<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{keys}<graph edgedefault="directed">{nodes}{edges}'
    assert load(tmp_path, "a.graphml", text + "</graph></graphml>").edges == CHAIN


def test_networkx_writers(tmp_path):
    graph = nx.DiGraph(CHAIN)
    nx.set_edge_attributes(graph, 0.5, "weight")
    nx.write_graphml(graph, tmp_path / "a.graphml")
    nx.write_gexf(graph, tmp_path / "a.gexf")
    (tmp_path / "a.cyjs").write_text(json.dumps(nx.cytoscape_data(graph)))
    for name in ("a.graphml", "a.gexf", "a.cyjs"):
        network = load_network(tmp_path / name)
        assert (network.edges, network.unused) == (CHAIN, {"edges": ("weight",)})


@pytest.mark.parametrize("reader", [load_network, lambda path: load_network(nx.read_graphml(path))])
def test_graphml_defaults_hold_through_either_door(reader, tmp_path):
    keys = """<key id="d0" for="edge" attr.name="order_lead_time" attr.type="int"><default>3</default></key>
      <key id="d1" for="node" attr.name="stage_cost" attr.type="double"><default>4.0</default></key>
      <key id="d2" for="node" attr.name="label" attr.type="string"><default>site</default></key>"""
    body = """<graph edgedefault="directed"><node id="a"/><node id="b"><data key="d1">1</data></node><node id="c"/>
      <edge source="a" target="b"/><edge source="b" target="c"><data key="d0">1</data></edge></graph>"""
    path = tmp_path / "a.graphml"
    path.write_text(f'<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{keys}{body}</graphml>')
    network = reader(path)
    assert [lead["order_lead_time"] for lead in network.edge_attributes.values()] == [3, 1]
    assert network.stage_cost.tolist() == [4, 1, 4]
    assert set(network.stage_names.values()) == {"site"}


@pytest.mark.parametrize("number", ["n{}", "{}"])
def test_our_graphml_survives_a_program_that_numbers_nodes(number, tmp_path):
    original = load_network("r1")
    original.to_graphml(tmp_path / "a.graphml")
    text = (tmp_path / "a.graphml").read_text()
    for k, agent in enumerate(original.agents):
        for place in ('id="', 'source="', 'target="'):
            text = text.replace(f'{place}{agent}"', f'{place}{number.format(k)}"')
    network = load(tmp_path, "b.graphml", text)
    assert network._rows() == original._rows()


def test_weights_positions_and_nan_in_a_graph():
    graph = nx.DiGraph(CHAIN)
    nx.set_edge_attributes(graph, 1.0, "weight")
    nx.set_node_attributes(graph, {n: (0.0, 1.0) for n in graph}, "pos")
    nx.set_node_attributes(graph, float("nan"), "holding_cost")
    graph.edges[CHAIN[0]]["shipment_lead_time"] = float("nan")
    network = load_network(graph)
    assert network.edge_attributes[CHAIN[0]]["shipment_lead_time"] is None
    assert network.unused == {"firms": ("pos",), "edges": ("weight",)}


def test_links_within_a_stage_and_against_it():
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c")])
    nx.set_node_attributes(graph, {"a": 1, "b": 1, "c": 0}, "stage")
    assert dict(load_network(graph).stages) == {"c": 0, "a": 1, "b": 1}
    nx.set_node_attributes(graph, {"a": 1, "b": 2, "c": 0}, "stage")
    assert load_network(graph).retailers.tolist() == [0]
