"""Draws moments of a scene; runs inside Blender.

    blender -b -P draw.py -- SCENE SEED FOLDER TIMES.json

TIMES.json holds [[number, seconds], ...]. Per moment it writes NNNNNN.jpg, the picture, and NNNNNN.id.png, where each
object has the colour of its number (see masks.colour). Moments that have both files already are left out.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import bpy
import numpy as np
from mathutils import Matrix, Vector

from sample_videos import scenes, vehicles
from sample_videos.draw_materials import at_night, material
from sample_videos.ids import colour
from sample_videos.meshes import Mesh, join, make
from sample_videos.scenery import MAKERS
from sample_videos.world import HEIGHT, WIDTH, Actor, Scene

SOFT = ("person", *vehicles.CYCLES)  # kinds that bend from frame to frame


def mesh_data(mesh: Mesh, name: str, auto: bool = True) -> Any:
    """A Blender mesh with its materials."""
    me = bpy.data.meshes.new(name)
    me.from_pydata(mesh.verts.tolist(), [], mesh.faces)
    slots = {m: i for i, m in enumerate(dict.fromkeys(mesh.mats))}
    for m in slots:
        me.materials.append(material(m))
    me.polygons.foreach_set("material_index", [slots[m] for m in mesh.mats])
    me.polygons.foreach_set("use_smooth", [True] * len(mesh.faces))
    me.use_auto_smooth = auto
    me.auto_smooth_angle = 0.75
    me.update()
    return me


class Stage:
    """The Blender scene of one of our scenes, and its twin that draws numbers instead of light."""

    def __init__(self, scene: Scene) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = scene
        at_night(scene.light.night)
        self.bl = bpy.context.scene
        self.ids = bpy.data.scenes.new("ids")
        self.objects: dict[int, Any] = {}
        self.shared: dict[Any, Any] = {}
        self._camera()
        self._light()
        self._engines()
        self._static()
        if scene.light.night:
            self._lamps()

    def _lamps(self) -> None:
        """The light of street lamps, and of one behind the camera so that no night is black."""
        data = bpy.data.lights.new("street lamp", "POINT")
        data.energy, data.color, data.use_shadow, data.shadow_soft_size = 260.0, (1.0, 0.72, 0.42), False, 0.2
        lamps = [(p.x, p.y, 4.6) for p in self.scene.props if p.kind == "lamp"]
        for at in [*lamps, (0.0, 9.0, 7.0), (-7.0, 20.0, 7.0), (8.0, 30.0, 7.0)]:
            self._add("street lamp", data).location = at

    def _add(self, name: str, data: Any) -> Any:
        o = bpy.data.objects.new(name, data)
        for s in (self.bl, self.ids):
            s.collection.objects.link(o)
        o.color = (0, 0, 0, 1)
        return o

    def _camera(self) -> None:
        cam = self.scene.camera
        data = bpy.data.cameras.new("camera")
        data.sensor_width, data.lens = 36.0, cam.focal_px * 36.0 / WIDTH
        data.clip_start, data.clip_end = 0.5, 200
        o = self._add("camera", data)
        o.location = cam.position
        o.rotation_euler = (Vector(cam.target) - Vector(cam.position)).to_track_quat("-Z", "Y").to_euler()
        self.bl.camera = self.ids.camera = o

    def _light(self) -> None:
        light = self.scene.light
        self.sun = bpy.data.lights.new("sun", "SUN")
        self.sun.energy, self.sun.color, self.sun.angle = light.strength, light.colour, 0.02
        self.sun.use_contact_shadow = True
        self.sun.contact_shadow_distance = 0.3
        self.sun.shadow_cascade_count, self.sun.shadow_cascade_max_distance = 3, 60
        o = self._add("sun", self.sun)
        c = np.cos(light.elevation)
        to_sun = Vector((c * np.cos(light.azimuth), c * np.sin(light.azimuth), np.sin(light.elevation)))
        o.rotation_euler = to_sun.to_track_quat("Z", "Y").to_euler()
        world = self.bl.world = bpy.data.worlds.new("sky")
        world.use_nodes = True
        tree = world.node_tree
        where, split, ramp = (
            tree.nodes.new(n) for n in ("ShaderNodeTexCoord", "ShaderNodeSeparateXYZ", "ShaderNodeValToRGB")
        )
        tree.links.new(where.outputs["Generated"], split.inputs[0])
        tree.links.new(split.outputs["Z"], ramp.inputs["Fac"])
        ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (
            (0.72, 0.78, 0.85, 1),
            (0.22, 0.40, 0.75, 1),
        )
        tree.links.new(ramp.outputs["Color"], tree.nodes["Background"].inputs["Color"])
        tree.nodes["Background"].inputs["Strength"].default_value = light.sky
        self.ids.world = bpy.data.worlds.new("black")
        self.ids.world.color = (0, 0, 0)

    def _engines(self) -> None:
        for s in (self.bl, self.ids):
            r = s.render
            r.resolution_x, r.resolution_y, r.resolution_percentage = WIDTH, HEIGHT, 100
            r.use_compositing = r.use_sequencer = False
            r.dither_intensity = 0
        self.bl.render.engine = "BLENDER_EEVEE"
        e = self.bl.eevee
        e.taa_render_samples, e.use_soft_shadows, e.shadow_cascade_size = 4, False, "2048"
        e.gi_cubemap_resolution = "128"  # the sky is baked anew for each frame; 512 costs a second more
        e.use_gtao, e.gtao_distance, e.gtao_factor = True, 0.8, 1.1
        self.bl.view_settings.view_transform, self.bl.view_settings.look = "Filmic", "Medium High Contrast"
        self.bl.render.image_settings.file_format = "JPEG"
        self.bl.render.image_settings.quality = 95
        self.ids.render.engine = "BLENDER_WORKBENCH"
        self.ids.view_settings.view_transform = "Raw"
        self.ids.render.image_settings.file_format = "PNG"
        self.ids.render.image_settings.compression = 30
        d = self.ids.display
        d.render_aa = "OFF"
        d.shading.light, d.shading.color_type = "FLAT", "OBJECT"
        d.shading.show_object_outline = d.shading.show_cavity = d.shading.show_shadows = False

    def _static(self) -> None:
        patches = [
            make([(x, y, p.z) for x, y in p.polygon], [tuple(range(len(p.polygon)))], p.material)
            for p in self.scene.patches
        ]
        ground = mesh_data(join(patches), "ground")
        self._add("ground", ground)
        for p in self.scene.props:
            key = (p.kind, p.variant)
            if key not in self.shared:
                self.shared[key] = mesh_data(MAKERS[p.kind](p.variant), p.kind)
            o = self._add(p.kind, self.shared[key])
            o.location, o.rotation_euler, o.scale = (p.x, p.y, 0), (0, 0, p.turn), (p.size,) * 3

    def _object(self, a: Actor) -> Any:
        if a.id not in self.objects:
            soft = a.kind in SOFT
            key = a.id if soft else (a.kind, a.look)
            if key not in self.shared:
                self.shared[key] = mesh_data(vehicles.actor_mesh(a.kind, a.look), a.kind, not soft)
            self.objects[a.id] = self._add(a.kind, self.shared[key])
            self.objects[a.id].color = (*(c / 255 for c in colour(a.id)), 1) if a.cls else (0, 0, 0, 1)
        return self.objects[a.id]

    def set_time(self, t: float) -> None:
        """Put every actor where it is at time t."""
        share = self.scene.sunshine(t)
        self.sun.energy = self.scene.light.strength * share
        self.bl.view_settings.exposure = 0.35 - 0.35 * (1 - share)
        for a in self.scene.actors:
            if not a.exists(t):
                if a.id in self.objects:
                    self.objects[a.id].hide_render = True
                continue
            o = self._object(a)
            row = a.track.at(t)
            o.hide_render = False
            if a.kind in SOFT:
                o.data.vertices.foreach_set("co", vehicles.actor_verts(a.kind, a.look, row).ravel())
                o.data.update()
            else:
                o.matrix_world = Matrix.Translation((row[0], row[1], row[7])) @ Matrix.Rotation(
                    row[2], 4, "Z"
                )

    def render(self, stem: Path) -> None:
        """Write the picture and the numbers."""
        for s, ending in ((self.ids, ".id.png"), (self.bl, ".jpg")):
            s.render.filepath = str(stem) + ending
            bpy.ops.render.render(write_still=True, scene=s.name)


def main() -> None:
    """Draw the moments named on the command line."""
    name, seed, folder, times = sys.argv[sys.argv.index("--") + 1 :]
    out = Path(folder)
    stage = Stage(scenes.build(name, int(seed)))
    for number, t in json.loads(Path(times).read_text()):
        stem = out / f"{number:06d}"
        if Path(f"{stem}.jpg").exists() and Path(f"{stem}.id.png").exists():
            continue
        began = time.perf_counter()
        stage.set_time(t)
        stage.render(stem)
        print(f"FRAME {number} {time.perf_counter() - began:.2f}", flush=True)


if __name__ == "__main__":
    main()
