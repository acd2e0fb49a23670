/* What the files of test-jinja share. */
#pragma once

#include "jinja.h"

/* Renders with a fixed conversation, variables and date; limits and runs may be NULL. */
char *test_jinja_render (const char *template, const CsJinjaLimits *limits, GArray **runs, GError **error);

void add_jinja_mark_tests (void);
void add_jinja_limit_tests (void);
