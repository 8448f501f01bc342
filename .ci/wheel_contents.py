"""What a wheel must hold and must not:   python .ci/wheel_contents.py WHEEL"""

import sys
import zipfile

PACKAGES = {"scenv", "pmarl_trainer", "scenv_paper"}
NEEDED = (
    "scenv/py.typed",
    "pmarl_trainer/py.typed",
    "scenv/network/data/r2.json",
    "scenv/network/data/SOURCES.md",
    "scenv/policies/data/best_levels.json",
    "scenv/policies/data/pretrained.safetensors",
    "scenv/commands/template/scenario.yaml",
    "scenv_paper/templates/report.md.j2",
    "scenv_paper/templates/report.html.j2",
)

names = zipfile.ZipFile(sys.argv[1]).namelist()
tops = {name.split("/")[0] for name in names}
info = {top for top in tops if top.endswith(".dist-info")}
missing = [name for name in NEEDED if name not in names]
scripts = next(name for name in names if name.endswith("entry_points.txt"))
commands = zipfile.ZipFile(sys.argv[1]).read(scripts).decode()
assert tops - info == PACKAGES, f"expected {sorted(PACKAGES)} and nothing else, got {sorted(tops - info)}"
assert not missing, f"not in the wheel: {missing}"
assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
assert all(
    f"{name} = " in commands for name in ("scenv", "pmarl-train", "pmarl-evaluate", "pmarl-export", "pmarl-benchmark")
)
print(f"{sys.argv[1].rsplit('/')[-1]}: {len(names)} files of {', '.join(sorted(PACKAGES))}")
