/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns that adapt to the terminal. */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "text.h"

#define GAP 2

typedef struct Cell {
        const char *text; /* ready for the terminal */
        char *owned;      /* what of it the table frees */
        size_t columns;
        Style style;
        bool heading; /* the line's only cell */
} Cell;

struct Table {
        const Terminal *terminal;
        const Column *columns;
        size_t n_columns;
        size_t *widths;
        bool *hidden;
        Cell *cells;
        size_t n_cells, n_allocated;
        bool out_of_memory;
};

Table *table_new(const Terminal *terminal, const Column *columns, size_t n_columns) {
        Table *table;

        table = malloc(sizeof(Table));
        if (!table)
                return NULL;

        *table = (Table){
                .terminal = terminal,
                .columns = columns,
                .n_columns = n_columns,
                .widths = calloc(n_columns, sizeof(size_t)),
                .hidden = calloc(n_columns, sizeof(bool)),
        };
        if (!table->widths || !table->hidden)
                return table_free(table);

        return table;
}

Table *table_free(Table *table) {
        if (!table)
                return NULL;

        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i].owned);
        free(table->cells);
        free(table->widths);
        free(table->hidden);
        free(table);
        return NULL;
}

/* Takes over `owned`. */
static void add_cell(Table *table, Style style, const char *text, char *owned, bool heading) {
        Cell *cells, cell = { .text = text, .owned = owned, .style = style, .heading = heading };

        if (text_is_plain(text))
                cell.columns = strlen(text);
        else {
                cell.text = cell.owned = text_escape(text, table->terminal->utf8);
                free(owned);
                if (!cell.owned) {
                        table->out_of_memory = true;
                        return;
                }
                cell.columns = text_columns(cell.owned, table->terminal->utf8);
        }

        if (table->n_cells == table->n_allocated) {
                size_t n = table->n_allocated > 0 ? table->n_allocated * 2 : 256;

                cells = reallocarray(table->cells, n, sizeof(Cell));
                if (!cells) {
                        table->out_of_memory = true;
                        free(cell.owned);
                        return;
                }
                table->cells = cells;
                table->n_allocated = n;
        }
        table->cells[table->n_cells++] = cell;
}

__attribute__((format(printf, 4, 0))) static void add_format(Table *table, Style style, bool heading,
                                                             const char *format, va_list arguments) {
        char *text;

        if (vasprintf(&text, format, arguments) < 0)
                table->out_of_memory = true;
        else
                add_cell(table, style, text, text, heading);
}

void table_add(Table *table, Style style, const char *text) {
        add_cell(table, style, text && *text ? text : "-", NULL, false);
}

void table_add_format(Table *table, Style style, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        add_format(table, style, false, format, arguments);
        va_end(arguments);
}

void table_add_heading(Table *table, Style style, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        add_format(table, style, true, format, arguments);
        va_end(arguments);
}

static void measure(Table *table, bool header) {
        for (size_t i = 0; header && i < table->n_columns; i++)
                table->widths[i] = strlen(table->columns[i].title);

        for (size_t i = 0, column = 0; i < table->n_cells; i++) {
                if (table->cells[i].heading)
                        continue;
                if (table->cells[i].columns > table->widths[column])
                        table->widths[column] = table->cells[i].columns;
                column = (column + 1) % table->n_columns;
        }

        for (size_t i = 0; i < table->n_columns; i++)
                table->hidden[i] = table->widths[i] == 0;
}

typedef enum Cut {
        CUT_NOTHING,
        CUT_TO_COMFORT,
        CUT_TO_MINIMUM,
} Cut;

static size_t cut_width(const Table *table, size_t i, Cut cut) {
        size_t to = table->columns[i].minimum;

        if (cut == CUT_TO_COMFORT && table->columns[i].comfort > 0)
                to = table->columns[i].comfort;

        return cut != CUT_NOTHING && to > 0 && to < table->widths[i] ? to : table->widths[i];
}

/* By how much the line is too long for the terminal. */
static size_t excess(const Table *table, Cut cut) {
        size_t total = 0, gap = 0;

        for (size_t i = 0; i < table->n_columns; i++)
                if (!table->hidden[i]) {
                        total += gap + cut_width(table, i, cut);
                        gap = GAP;
                }

        return total > table->terminal->columns ? total - table->terminal->columns : 0;
}

/* Leaves out the most expendable columns until the others fit; `all`: also those that claim comfort. */
static void hide(Table *table, Cut cut, bool all) {
        while (excess(table, cut) > 0) {
                size_t next = SIZE_MAX;
                unsigned highest = 0;

                for (size_t i = 0; i < table->n_columns; i++)
                        if (!table->hidden[i] && table->columns[i].expendable > highest &&
                            (all || table->columns[i].comfort == 0)) {
                                highest = table->columns[i].expendable;
                                next = i;
                        }
                if (next == SIZE_MAX)
                        break;
                table->hidden[next] = true;
        }
}

static void adapt(Table *table) {
        hide(table, CUT_TO_COMFORT, false);
        hide(table, CUT_TO_MINIMUM, true);

        /* The widest gives way first, column by column, so that none is cut while a longer one is whole. */
        for (size_t missing = excess(table, CUT_NOTHING); missing > 0; missing--) {
                size_t widest = SIZE_MAX;

                for (size_t i = 0; i < table->n_columns; i++)
                        if (!table->hidden[i] && table->columns[i].minimum > 0 &&
                            table->widths[i] > table->columns[i].minimum &&
                            (widest == SIZE_MAX || table->widths[i] > table->widths[widest]))
                                widest = i;
                if (widest == SIZE_MAX)
                        break;
                table->widths[widest]--;
        }
}

static void print_spaces(size_t n) {
        static const char spaces[] = "                                ";

        for (; n > 0; n -= n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1)
                fwrite_unlocked(spaces, 1, n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1, stdout);
}

/* Writes what of the cell fits into `width` and returns the columns that took. */
static size_t print_cell(const Table *table, const Cell *cell, size_t width) {
        const Terminal *terminal = table->terminal;
        size_t columns = cell->columns;

        fputs_unlocked(terminal_style(terminal, cell->style), stdout);
        if (columns <= width)
                fputs_unlocked(cell->text, stdout);
        else {
                const char *ellipsis = terminal_glyph(terminal, GLYPH_ELLIPSIS);
                size_t room = width - text_columns(ellipsis, terminal->utf8);
                size_t bytes = text_fit(cell->text, room, terminal->utf8);

                while (bytes > 0 && cell->text[bytes - 1] == ' ')
                        bytes--;
                fwrite_unlocked(cell->text, 1, bytes, stdout);
                fputs_unlocked(ellipsis, stdout);
                columns = width; /* a wide character may leave a column free: rare enough to stay crooked */
        }
        fputs_unlocked(terminal_style_end(terminal, cell->style), stdout);
        return columns;
}

static void print_row(const Table *table, const Cell *cells) {
        size_t debt = 0; /* spaces due before the next cell, if there is one */

        for (size_t i = 0; i < table->n_columns; i++) {
                if (table->hidden[i])
                        continue;
                if (cells[i].columns == 0) {
                        debt += table->widths[i] + GAP;
                        continue;
                }
                print_spaces(debt);
                debt = table->widths[i] - print_cell(table, cells + i, table->widths[i]) + GAP;
        }
        putc_unlocked('\n', stdout);
}

static void print_header(const Table *table) {
        size_t last = 0;

        for (size_t i = 0; i < table->n_columns; i++)
                if (!table->hidden[i])
                        last = i;

        for (size_t i = 0; i <= last; i++)
                if (!table->hidden[i])
                        printf("%s%-*s%s", terminal_style(table->terminal, STYLE_HEADER),
                               i < last ? (int) (table->widths[i] + GAP) : 0, table->columns[i].title,
                               terminal_style_end(table->terminal, STYLE_HEADER));
        putchar('\n');
}

int table_print(Table *table, bool header) {
        if (table->out_of_memory)
                return -ENOMEM;

        measure(table, header);
        adapt(table);

        if (header)
                print_header(table);
        for (size_t i = 0; i < table->n_cells;)
                if (table->cells[i].heading) {
                        print_cell(table, table->cells + i, SIZE_MAX);
                        putc_unlocked('\n', stdout);
                        i++;
                } else {
                        print_row(table, table->cells + i);
                        i += table->n_columns;
                }
        return 0;
}
