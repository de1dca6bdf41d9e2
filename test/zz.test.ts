import { it } from 'vitest';
import { readModel } from '../src/engine/formats/import.js';
for (const f of ['squeezenet-onnx/squeezenet1_1.onnx','taef2-decoder/taef2_decoder.onnx','taef2-decoder/taef2_encoder.onnx'])
it(f, async()=>{ const t=performance.now(); const m=await readModel('/work/shared/data/models/'+f); 
 const g=Object.values(m.graphs)[0]!; console.log(f, m.kind, m.height,m.width,(m as any).units,(m as any).code, m.origin, performance.now()-t);
 const ops:Record<string,number>={}; g.nodes.forEach((n:any)=>ops[n.op]=(ops[n.op]??0)+1); console.log(JSON.stringify(ops)); });
