"""A policy as an ONNX graph, put together by hand: torch's own exporter asks for much more than `onnx`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pmarl_trainer.export.policies import AgentPolicy

_OPSET = 17
_IR_VERSION = 8


def available() -> bool:
    """Whether the package `onnx` is installed."""
    return importlib.util.find_spec("onnx") is not None


def save_onnx(policy: AgentPolicy, path: Path) -> None:
    """Write a graph: "observation" [batch, O] float32 -> "logits" [batch, A] float32 and "action" [batch] int64."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from pmarl_trainer.export.policies import metadata

    constants = dict(policy.tensors)
    nodes: list[Any] = []

    def apply(operator: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        output = out or f"{operator}_{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    x = apply("Div", apply("Sub", "observation", "mean"), "std")
    if policy.spec["clip"] is not None:
        bound = np.float32(policy.spec["clip"])
        constants |= {"low": np.asarray(-bound), "high": np.asarray(bound)}
        x = apply("Clip", x, "low", "high")
    if policy.spec["symlog"]:
        constants["one"] = np.asarray(np.float32(1))
        x = apply("Mul", apply("Sign", x), apply("Log", apply("Add", apply("Abs", x), "one")))
    *hidden, last = policy.spec["layers"]
    for name in hidden:
        x = apply("Gemm", x, f"{name}.weight", f"{name}.bias")
        x = apply("LeakyRelu", x, alpha=policy.spec["negative_slope"])
    apply("Gemm", x, f"{last}.weight", f"{last}.bias", out="logits")
    apply("ArgMax", "logits", out="action", axis=1, keepdims=0)

    size, actions = policy.spec["observation_size"], policy.spec["num_actions"]
    graph = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["batch", size])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", actions]),
            helper.make_tensor_value_info("action", TensorProto.INT64, ["batch"]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="pmarl_trainer")
    model.ir_version = _IR_VERSION
    helper.set_model_props(model, metadata(policy))
    onnx.checker.check_model(model)
    onnx.save(model, path)
