-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE entries ADD PRIMARY KEY (id);
