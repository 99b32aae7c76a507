"use strict";
// What the map needs to know of a live server: addresses by content hash, who answers which photos are
// alike, and what words there are for one.
globalThis.vecclustLive = {
  thumbnail: (hash) => `/thumbnail/${hash}`,
  original: (hash) => `/original/${hash}`,
  photo: (hash) => `/photo/${hash}`,
  cluster: (id) => `/cluster/${id}`,
  words: async (hash) => {
    const answer = await fetch(`/words/${hash}`, { headers: { Accept: "application/json" } });
    return answer.ok ? (await answer.json()).words : [];
  },
  near: async (hash) => {
    const answer = await fetch(`/alike/${hash}`);
    return answer.ok ? (await answer.json()).photos : [];
  },
};
