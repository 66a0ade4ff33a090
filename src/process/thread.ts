/**
 * Work in a thread of this process, so that a server keeps answering while a large file is read. A thread guards against
 * long work only: a crash of native code ends the whole process.
 */

/** Runs a thread's program on one task and ends the thread. `failed` is the reply where the thread itself fails. */
export async function inThread<Task, Reply>(
  program: string,
  { task, failed }: { readonly task: Task; readonly failed: Reply },
): Promise<Reply> {
  const worker = new Worker(program, { type: "module" });
  try {
    return await new Promise<Reply>((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<Reply>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(failed);
      };
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}

/** Answers each task that the thread gets; called once by its program. `moved`: memory that a reply takes along. */
export function answerTasks<Task, Reply>(
  answer: (task: Task) => Promise<Reply>,
  moved: (reply: Reply) => ArrayBuffer[] = () => [],
): void {
  const main = self as unknown as {
    onmessage: (event: MessageEvent<Task>) => void;
    postMessage(reply: Reply, moved: ArrayBuffer[]): void;
  };
  main.onmessage = async ({ data }) => {
    const reply = await answer(data);
    main.postMessage(reply, moved(reply));
  };
}

/** The message of an error that this program worded; `otherwise` for others, which may hold paths that users must not see. */
export function wordsOf(error: unknown, otherwise: string): string {
  const isOurs = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  return isOurs && error.message.startsWith("Cannot ") ? error.message : otherwise;
}
