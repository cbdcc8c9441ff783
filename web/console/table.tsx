// Tables of the console: columns with a title, a key and how a value looks.
import type { ComponentChildren } from "preact";
import { Empty } from "../shared/ui";

export interface Column<T> {
  title: string;
  /** Words stand at the left, numbers at the right. */
  text?: boolean;
  show: (row: T) => ComponentChildren;
}

export function Table<T>(props: { columns: Column<T>[]; rows: T[]; empty: string; id: (row: T, at: number) => string | number }) {
  if (props.rows.length === 0) return <Empty>{props.empty}</Empty>;
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead><tr>{props.columns.map((one, at) => <th scope="col" class={one.text ? "text" : ""} key={at}>{one.title || <span class="hidden">Actions</span>}</th>)}</tr></thead>
        <tbody>
          {props.rows.map((row, at) => (
            <tr key={props.id(row, at)} data-row={props.id(row, at)}>{props.columns.map((one, column) => <td class={one.text ? "text" : ""} key={column}>{one.show(row)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
