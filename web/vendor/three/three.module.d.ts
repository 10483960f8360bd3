// Types for the checks alone: three.js's own, as its npm package @types/three has them.
export * from 'three';
