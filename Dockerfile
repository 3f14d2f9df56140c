# docker build -t impasto .
# docker run -p 8080:8080 -e IMPASTO_WEB_TOKEN=... -v impasto:/data impasto
# With an NVIDIA card and its container toolkit: the same with --gpus all. PyTorch's wheels bring CUDA along; a machine
# without a card is spared 5 GB by: --build-arg TORCH_INDEX=<the address of PyTorch's CPU wheels>

# The same base to the byte, on every architecture. For a newer one take the digest that `docker pull python:3.12-slim`
# prints; .github/dependabot.yml proposes it.
FROM python:3.12.14-slim-trixie@sha256:f77ac9e44ae96ef2c90b8053ea08c31f8be030f824196b0ae4db6d462c84e51f AS base

FROM base AS build
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/impasto
ENV PATH=/opt/impasto/bin:$PATH
# The large part first and by itself: it changes rarely, and the layer is kept. PyTorch's CPU wheels are other files than
# those whose hashes are known, so of them only the versions are held.
COPY requirements-torch.lock /locks/
RUN if [ -z "$TORCH_INDEX" ]; then pip install --no-deps --require-hashes -r /locks/requirements-torch.lock; \
    else pip install --no-deps --index-url "$TORCH_INDEX" $(grep -oE '^(torch|torchvision)==[^ ]+' /locks/requirements-torch.lock); fi
COPY requirements.lock /locks/
RUN pip install --no-deps --require-hashes -r /locks/requirements.lock
COPY . /source
# A checkout may be for its owner's eyes only; what is installed from it is for everybody. It is built by the setuptools
# of the lock, and nothing more is fetched.
RUN chmod -R a+rX /source && pip install --no-deps --no-build-isolation /source && pip check

FROM base
RUN useradd --uid 1000 --create-home impasto && install -d -o impasto -g impasto /data
COPY --from=build /opt/impasto /opt/impasto
# Inside a container loopback is the container's own, so the page listens on every address. Then the bot demands an
# access token: without IMPASTO_WEB_TOKEN it says so and ends.
ENV PATH=/opt/impasto/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    IMPASTO_WEB_HOST=0.0.0.0 \
    IMPASTO_WEB_PORT=8080 \
    IMPASTO_STORE_PATH=/data/journal.sqlite3 \
    IMPASTO_ENGINE_CACHE=/data/cache \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER impasto
WORKDIR /home/impasto
VOLUME /data
EXPOSE 8080
# /health answers 503 while the engine is loading or broken, which urlopen raises.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"IMPASTO_WEB_PORT\"]}/health', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["impasto"]
