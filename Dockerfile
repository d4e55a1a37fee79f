# Builds with Docker, or with buildah bud --format docker. BASE is any image that has `python`, 3.11 or later.
ARG BASE=python:3.13-slim

FROM ${BASE} AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/srv/kernels \
    NUMBA_CPU_FEATURES=""
WORKDIR /srv


# The locked packages that a running service needs; none for its development.
FROM base AS packages
WORKDIR /build
COPY pyproject.toml requirements.lock ./
# Older pips read no hashes from constraints, so the locked pip comes first.
RUN awk '/^[^ #]/ { own = /^pip==/ } own' requirements.lock > pip.lock \
 && python -m venv pip \
 && pip/bin/pip install --no-cache-dir --requirement pip.lock
RUN python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
      > runtime.txt \
 && python -m venv --without-pip /opt/venv \
 && pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir \
      --constraint requirements.lock --requirement runtime.txt
# Away with the packages' own tests, and with what only type checkers and C compilers read.
RUN cd /opt/venv/lib/python3.*/site-packages \
 && find . -type d \( -name tests -o -name include \) -prune -exec rm -r {} + \
 && find . -type f \( -name '*.py[ix]' -o -name '*.pxd' -o -name '*.[ach]' \) -delete
# Kernels are compiled for a named kind of processor, not for the one that builds. The names are LLVM's:
# x86-64-v3 is any amd64 with AVX2 and FMA, generic is any processor of the architecture.
ARG CPU_NAME
RUN if [ "$(uname -m)" = x86_64 ]; then default=x86-64-v3; else default=generic; fi \
 && cd /opt/venv/lib/python3.*/site-packages \
 && echo "import os; os.environ.setdefault('NUMBA_CPU_NAME', '${CPU_NAME:-$default}')" > processor.pth


FROM base AS kernels
COPY --from=packages /opt/venv /opt/venv
COPY app app
# Readable for every user, whatever the checkout's permissions were.
RUN chmod -R a+rX app \
 && python -c 'from app.core.warm import warm_up; warm_up()' \
 && python -m compileall -q app


FROM base
COPY --from=packages /opt/venv /opt/venv
COPY --from=kernels /srv /srv
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "import http.client, os, sys; \
c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 8000), timeout=4); \
c.request('GET', '/healthz/ready'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "app", "--host", "0.0.0.0"]
