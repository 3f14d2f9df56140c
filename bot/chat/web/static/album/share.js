// Handing a picture to another app of the device, where the browser can.

const probe = () => new File(["."], "picture.png", { type: "image/png" });

export const canShare = () => Boolean(navigator.canShare?.({ files: [probe()] }));

/** Offer the picture to other apps; says whether nothing went wrong. That the person thinks better of it is not wrong. */
export async function shareFile(src, name) {
  try {
    const data = await (await fetch(src)).blob();
    await navigator.share({ files: [new File([data], name, { type: data.type })] });
    return true;
  } catch (error) {
    return error.name === "AbortError";
  }
}

/** The address under which a room's picture is saved by its name. */
export const addressOf = (base, picture, file) => `${base}/blob/${picture}/${encodeURIComponent(file)}`;
