/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Arrays that grow, and sorted ones. */

#include "service/host/array.h"
#include "tests/unit/unit.h"

static void test_array_grows(void **state) {
        _cleanup_free_ unsigned *array = NULL;
        size_t n = 0;

        for (unsigned i = 0; i < 3000; i++) {
                unsigned *element = array_append(&array, &n, sizeof(*array));

                assert_ptr_equal(element, &array[i]);
                assert_int_equal(n, i + 1);
                assert_int_equal(*element, 0);
                *element = i + 1;
        }

        for (unsigned i = 0; i < 3000; i++)
                assert_int_equal(array[i], i + 1);
}

/* Adds the number of elements that there are then. */
static void add_number(uint64_t **array, size_t *n) {
        uint64_t *element = array_append(array, n, sizeof(*element));

        assert_int_equal(*element, 0);
        *element = *n;
}

/* The capacity follows from the count, also after it went down: with every count once reached and left,
 * address sanitizer sees whether there is room. */
static void test_array_after_removal(void **state) {
        for (size_t down = 0; down <= 70; down++) {
                _cleanup_free_ uint64_t *array = NULL;
                size_t n = 0;

                while (n < 70)
                        add_number(&array, &n);
                n = down;
                while (n < 140)
                        add_number(&array, &n);
                for (size_t i = 0; i < n; i++)
                        assert_int_equal(array[i], i + 1);
        }
}

static int compare_numbers(const void *key, const void *element) {
        return *(const int *) key - *(const int *) element;
}

static void test_lower_bound(void **state) {
        static int numbers[] = { 1, 3, 3, 7, 9 };
        static const struct {
                size_t n;
                int key;
                size_t place;
        } rows[] = {
                { 0, 5, 0 }, { 1, 0, 0 }, { 1, 1, 0 }, { 1, 2, 1 }, { 5, 0, 0 }, { 5, 1, 0 },  { 5, 2, 1 },
                { 5, 3, 1 }, { 5, 4, 3 }, { 5, 7, 3 }, { 5, 8, 4 }, { 5, 9, 4 }, { 5, 10, 5 },
        };
        void *array[ELEMENTSOF(numbers)];

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                array[i] = &numbers[i];
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_row(array_lower_bound(array, rows[i].n, &rows[i].key, compare_numbers) ==
                                           rows[i].place,
                           "%d of %zu", rows[i].key, rows[i].n);
        assert_int_equal(array_lower_bound(NULL, 0, &rows[0].key, compare_numbers), 0);
}

/* Numbers in a scattered order, each put where it belongs, and taken out again in another. */
static void test_sorted(void **state) {
        static int numbers[101];
        void **array = NULL;
        size_t n = 0;

        for (int i = 0; i < 101; i++) {
                int *number = &numbers[i];

                *number = i * 37 % 101;
                assert_ok(array_insert(&array, &n, array_lower_bound(array, n, number, compare_numbers),
                                       number));
                for (size_t j = 1; j < n; j++)
                        assert_true(*(int *) array[j - 1] < *(int *) array[j]);
        }
        for (int i = 0; i < 101; i++) {
                int key = i * 53 % 101;
                size_t place = array_lower_bound(array, n, &key, compare_numbers);

                assert_int_equal(*(int *) array[place], key);
                array_remove(array, &n, place);
                assert_int_equal(n, (size_t) (100 - i));
                for (size_t j = 1; j < n; j++)
                        assert_true(*(int *) array[j - 1] < *(int *) array[j]);
        }
        free(array);
}

UNIT_MAIN(cmocka_unit_test(test_array_grows), cmocka_unit_test(test_array_after_removal),
          cmocka_unit_test(test_lower_bound), cmocka_unit_test(test_sorted))
