-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE transactions ADD PRIMARY KEY (id);
