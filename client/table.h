/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Aligned columns that adapt to the terminal: first the columns that may be cut give way, then those that
 * may be left out; what may be neither stays whole even if the line becomes longer than the terminal is
 * wide. */

#include "terminal.h"

typedef struct Column {
        const char *title;   /* NULL in every column: no header */
        size_t minimum;      /* cut to no less than this; 0: never cut */
        size_t comfort;      /* others are left out to give it this much; 0: no such claim */
        unsigned expendable; /* left out where there is no room, the highest number first; 0: never */
} Column;

typedef struct Table Table;

/* A table with `n_columns` columns. `columns` and `terminal` must outlive it. NULL if memory is short. */
Table *table_new(const Terminal *terminal, const Column *columns, size_t n_columns);
Table *table_free(Table *table);

static inline void cleanup_table(Table **table) {
        table_free(*table);
}

#define _cleanup_table_ __attribute__((cleanup(cleanup_table)))

/* Adds the next cell, row by row from left to right. `text` may hold anything and must outlive the table;
 * empty or NULL shows as `-`. Running out of memory is remembered and told by table_print(). */
void table_add(Table *table, Style style, const char *text);

/* The same for a text made as by printf(), which the table keeps itself and which may be empty. */
void table_add_format(Table *table, Style style, const char *format, ...)
                __attribute__((format(printf, 3, 4)));

/* Adds a line of its own between the rows, made as by printf(). */
void table_add_heading(Table *table, Style style, const char *format, ...)
                __attribute__((format(printf, 3, 4)));

/* Writes the table to standard output, with the header if `header`. -ENOMEM if any of it got lost. */
int table_print(Table *table, bool header);
