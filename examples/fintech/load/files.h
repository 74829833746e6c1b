// SPDX-License-Identifier: Apache-2.0
/* Whole files and folders of the services, as text. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* Appends the file to ret. ERR_SYSTEM. */
bool file_read(const char *path, struct buf *ret, struct err *err) MUST_USE;
/* Names of the folders in a folder that hold `file`, sorted, malloc'ed each and together. */
bool folders_with(const char *folder, const char *file, char ***ret, size_t *ret_count, struct err *err) MUST_USE;
void names_free(char **names, size_t count);
