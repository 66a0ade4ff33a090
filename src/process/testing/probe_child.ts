/** Names the variables of its environment. */
import { serve } from "../serve.ts";

serve({ variables: () => Promise.resolve(Object.keys(Deno.env.toObject())) });
