"use strict";
// What the map needs to know of a live server: addresses by content hash, and who answers which photos are alike.
globalThis.vecclustLive = {
  thumbnail: (hash) => `/thumbnail/${hash}`,
  original: (hash) => `/original/${hash}`,
  photo: (hash) => `/photo/${hash}`,
  cluster: (id) => `/cluster/${id}`,
  near: async (hash) => {
    const answer = await fetch(`/alike/${hash}`);
    return answer.ok ? (await answer.json()).photos : [];
  },
};
