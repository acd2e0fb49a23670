#!/usr/bin/env python3
"""Pictures of every page, light and dark, wide and narrow, from a study folder.

    tests/app/screenshots.py FOLDER STUDY [LATENT]

FOLDER gets welcome, pair, activations, training, latents, steering and report, each as PAGE-wide-light.png and so on. LATENT is
the one that the pages show, of the study's first analysed run; without it, the one that leans furthest to chat. The window
of the build folder ($CROSSCOPE_BUILD or _build) is used, under weston (rounded corners) or else under Xvfb. The study
is not changed."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

SIZES = ((1180, 780), (380, 780))
SOURCE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def environment(runtime):
    env = dict(os.environ, GSK_RENDERER="cairo", GTK_A11Y="test", GDK_DEBUG="gl-disable", GDK_DISABLE="gl",
               GSETTINGS_BACKEND="memory", GIO_USE_VFS="local", ADW_DISABLE_PORTAL="1", G_DEBUG="fatal-warnings",
               LC_ALL="C.UTF-8", XDG_CONFIG_HOME=os.path.join(SOURCE, "tests", "app", "config"), XDG_RUNTIME_DIR=runtime,
               XDG_DATA_HOME=os.path.join(runtime, "data"))
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "GTK_THEME"):
        env.pop(variable, None)
    return env


def start_weston(env, runtime):
    """A compositor without a screen; None where there is none."""
    if shutil.which("weston") is None:
        return None
    weston = subprocess.Popen(["weston", "--backend=headless-backend.so", "--socket=wayland-pictures", "--width=1280",
                               "--height=800", "--idle-time=0"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        if os.path.exists(os.path.join(runtime, "wayland-pictures")):
            env.update(GDK_BACKEND="wayland", WAYLAND_DISPLAY="wayland-pictures")
            return weston
        if weston.poll() is not None:
            return None
        time.sleep(0.1)
    weston.kill()
    return None


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    folder, study = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    build = os.environ.get("CROSSCOPE_BUILD", os.path.join(SOURCE, "_build"))
    tool = os.path.join(os.path.abspath(build), "tests", "app", "window-tool")
    if not os.path.exists(tool):
        print(f"{tool} is not built: run ninja -C {build} first.", file=sys.stderr)
        return 1
    runtime = tempfile.mkdtemp(prefix="crosscope-pictures-")
    env = environment(runtime)
    weston = start_weston(env, runtime)
    prefix = ["dbus-run-session", "--"]
    if weston is None:
        env["GDK_BACKEND"] = "x11"
        prefix = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24 -noreset", *prefix]
    status = 0
    try:
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                command = [*prefix, tool, "pictures", folder, study, scheme, str(width), str(height), *sys.argv[3:]]
                status |= subprocess.run(command, env=env, timeout=300, check=False).returncode
    finally:
        if weston is not None:
            weston.terminate()
            weston.wait()
        shutil.rmtree(runtime, ignore_errors=True)
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main())
