import * as data from "./data/index.js";
export class FilteredArray extends data.Array {
}
