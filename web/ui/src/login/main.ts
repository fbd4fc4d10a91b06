import '../tokens.css';
import '../base.css';

import { mount } from 'svelte';

import Login from './Login.svelte';

mount(Login, { target: document.getElementById('app')! });
