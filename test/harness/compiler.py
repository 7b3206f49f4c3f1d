"""Static Linux programs for tests: against glibc with the system's cc, against musl with clang."""

import os
import subprocess

MUSL_LIBRARIES = "/usr/lib/x86_64-linux-musl"
MUSL_HEADERS = "/usr/include/x86_64-linux-musl"


def compile_program(source, output, libc, flags):
    """`source` is a path or C text. Returns `output`; CalledProcessError with the messages."""
    if not os.path.exists(source):
        path = output + ".c"
        with open(path, "w", encoding="utf-8") as file:
            file.write(source)
        source = path
    {"glibc": compile_glibc, "musl": compile_musl}[libc](source, output, flags)
    return output


def compile_glibc(source, output, flags):
    run(["cc", "-static", "-O2", "-Wall", *flags, "-o", output, source])


def compile_musl(source, output, flags):
    headers = os.path.join(run(["clang", "-print-resource-dir"]).strip(), "include")
    run(["clang", "--target=x86_64-linux-musl", "-O2", "-Wall", "-nostdinc", "-isystem", headers,
         "-isystem", MUSL_HEADERS, *flags, "-c", "-o", output + ".o", source])
    start, end = (["crt1.o", "crti.o"], ["libc.a", "crtn.o"])
    inputs = [os.path.join(MUSL_LIBRARIES, name) for name in start] + [output + ".o"]
    inputs += [os.path.join(MUSL_LIBRARIES, name) for name in end]
    run(["ld.lld", "-static", "-o", output, *inputs])


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            check=False)
    if result.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{result.stderr}")
    return result.stdout
