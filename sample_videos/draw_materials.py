"""Blender materials by name (see meshes.py). Runs inside Blender only."""

from __future__ import annotations

from typing import Any

import bpy


def _new(name: str, shader: str) -> tuple[Any, Any, Any]:
    """A material with one shader; the material, its node tree and the shader node."""
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    tree = m.node_tree
    tree.nodes.clear()
    out = tree.nodes.new("ShaderNodeOutputMaterial")
    node = tree.nodes.new(shader)
    tree.links.new(node.outputs[0], out.inputs["Surface"])
    return m, tree, node


def _dull(name: str, rgb: tuple[float, ...]) -> Any:
    m, _, node = _new(name, "ShaderNodeBsdfDiffuse")
    node.inputs["Color"].default_value = (*rgb, 1)
    return m


def _shiny(name: str, rgb: tuple[float, ...], rough: float, metal: float = 0.0, coat: float = 0.0) -> Any:
    m, _, node = _new(name, "ShaderNodeBsdfPrincipled")
    node.inputs["Base Color"].default_value = (*rgb, 1)
    node.inputs["Roughness"].default_value = rough
    node.inputs["Metallic"].default_value = metal
    node.inputs["Clearcoat"].default_value = coat
    return m


def _grainy(name: str, a: tuple[float, ...], b: tuple[float, ...], scale: float, coarse: float = 0.0) -> Any:
    """Noise between two colours in world coordinates; `coarse` adds large stains."""
    m, tree, node = _new(name, "ShaderNodeBsdfDiffuse")
    where = tree.nodes.new("ShaderNodeNewGeometry")
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = 3
    tree.links.new(where.outputs["Position"], noise.inputs["Vector"])
    factor = noise.outputs["Fac"]
    if coarse:
        big = tree.nodes.new("ShaderNodeTexNoise")
        big.inputs["Scale"].default_value = coarse
        tree.links.new(where.outputs["Position"], big.inputs["Vector"])
        mix = tree.nodes.new("ShaderNodeMath")
        mix.operation = "ADD"
        tree.links.new(factor, mix.inputs[0])
        tree.links.new(big.outputs["Fac"], mix.inputs[1])
        half = tree.nodes.new("ShaderNodeMath")
        half.operation = "MULTIPLY"
        half.inputs[1].default_value = 0.5
        tree.links.new(mix.outputs[0], half.inputs[0])
        factor = half.outputs[0]
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*a, 1), (*b, 1)
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.3, 0.7
    tree.links.new(factor, ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], node.inputs["Color"])
    return m


def _slabs(
    name: str, a: tuple[float, ...], b: tuple[float, ...], joint: tuple[float, ...], scale: float
) -> Any:
    """Paving slabs: Blender's brick texture in world coordinates."""
    m, tree, node = _new(name, "ShaderNodeBsdfDiffuse")
    where = tree.nodes.new("ShaderNodeNewGeometry")
    brick = tree.nodes.new("ShaderNodeTexBrick")
    tree.links.new(where.outputs["Position"], brick.inputs["Vector"])
    for key, rgb in (("Color1", a), ("Color2", b), ("Mortar", joint)):
        brick.inputs[key].default_value = (*rgb, 1)
    brick.inputs["Scale"].default_value = scale
    brick.inputs["Mortar Size"].default_value = 0.012
    tree.links.new(brick.outputs["Color"], node.inputs["Color"])
    return m


WORDS = {
    "asphalt": lambda n: _grainy(n, (0.05, 0.05, 0.053), (0.12, 0.12, 0.118), 25, 0.6),
    "oldasphalt": lambda n: _grainy(n, (0.09, 0.09, 0.088), (0.17, 0.165, 0.16), 18, 0.5),
    "lawn": lambda n: _grainy(n, (0.035, 0.085, 0.015), (0.10, 0.17, 0.035), 9, 0.5),
    "gravel": lambda n: _grainy(n, (0.33, 0.28, 0.21), (0.5, 0.44, 0.35), 14, 0.7),
    "paving": lambda n: _slabs(n, (0.22, 0.21, 0.195), (0.27, 0.26, 0.24), (0.15, 0.145, 0.13), 1.3),
    "slabs": lambda n: _slabs(n, (0.36, 0.33, 0.285), (0.42, 0.385, 0.335), (0.25, 0.225, 0.195), 1.0),
    "marking": lambda n: _grainy(n, (0.5, 0.5, 0.5), (0.75, 0.75, 0.74), 20),
    "bark": lambda n: _dull(n, (0.09, 0.06, 0.04)),
    "wood": lambda n: _grainy(n, (0.13, 0.07, 0.03), (0.25, 0.15, 0.08), 6),
    "roof": lambda n: _grainy(n, (0.12, 0.1, 0.1), (0.2, 0.17, 0.16), 5),
    "leaf0": lambda n: _dull(n, (0.03, 0.065, 0.018)),
    "leaf1": lambda n: _dull(n, (0.055, 0.11, 0.028)),
    "leaf2": lambda n: _dull(n, (0.10, 0.15, 0.045)),
    "glass": lambda n: _shiny(n, (0.012, 0.016, 0.018), 0.06),
    "pane": lambda n: _shiny(n, (0.03, 0.04, 0.05), 0.12),
    "water": lambda n: _shiny(n, (0.05, 0.09, 0.09), 0.1),
    "rubber": lambda n: _dull(n, (0.015, 0.015, 0.016)),
    "lamp": lambda n: _shiny(n, (0.8, 0.8, 0.78), 0.1),
    "tail": lambda n: _shiny(n, (0.45, 0.01, 0.012), 0.15),
}


LIT = {
    "lamp": ((1.0, 0.95, 0.85), 9.0),
    "tail": ((1.0, 0.02, 0.02), 2.5),
}  # what shines at night: colour, strength


def at_night(night: bool) -> None:
    """Whether the lamps of what is made from now on shine."""
    for name, (rgb, strength) in LIT.items():
        made = WORDS[name](name) if bpy.data.materials.get(name) is None else bpy.data.materials[name]
        shader = made.node_tree.nodes["Principled BSDF"]
        shader.inputs["Emission"].default_value = (*rgb, 1)
        shader.inputs["Emission Strength"].default_value = strength if night else 0.0


def material(name: str) -> Any:
    """The material of that name, made on first use."""
    known = bpy.data.materials.get(name)
    if known is not None:
        return known
    if name in WORDS:
        return WORDS[name](name)
    kind, _, numbers = name.partition(":")
    rgb = tuple(float(v) for v in numbers.split(","))
    if kind == "d":
        return _dull(name, rgb)
    if kind == "s":
        return _shiny(name, rgb, 0.35)
    if kind == "m":
        return _shiny(name, rgb, 0.3, 0.9)
    return _shiny(name, rgb, 0.25, 0.25, 0.8)
